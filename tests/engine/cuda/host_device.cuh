// The kernels as plain C++: a launch is a loop over all threads. Threads of these kernels never wait for one another.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#define __global__
#define __device__

using std::abs;
using std::max;
using std::min;

struct Index { int x, y, z; };
static thread_local Index threadIdx, blockIdx, blockDim, gridDim;

static inline unsigned short to_half(float value)
{
    const _Float16 half = static_cast<_Float16>(value);
    unsigned short bits;
    std::memcpy(&bits, &half, sizeof bits);
    return bits;
}

static inline float from_half(unsigned short bits)
{
    _Float16 half;
    std::memcpy(&half, &bits, sizeof half);
    return static_cast<float>(half);
}

template <class Number>
static void atomicAdd(Number* sum, Number value)
{
    *sum += value;
}

template <class... Parameters, std::size_t... Places>
static void call(void (*kernel)(Parameters...), void* const* addresses, std::index_sequence<Places...>)
{
    kernel(static_cast<Parameters>(addresses[Places])...);
}

#ifdef THREAD_STEP // a GPU runs threads in whatever order it likes: here in one that leaves none out, and goes far

static inline int place(unsigned long long* rest, int count)
{
    const int found = static_cast<int>(*rest % count);
    *rest /= count;
    return found;
}

template <class... Parameters>
static void launch(void (*kernel)(Parameters...), const int* blocks, const int* threads, void* const* addresses)
{
    gridDim = {blocks[0], blocks[1], blocks[2]};
    blockDim = {threads[0], threads[1], threads[2]};
    unsigned long long count = 1;
    for (int axis = 0; axis < 3; ++axis)
        count *= static_cast<unsigned long long>(blocks[axis]) * threads[axis];
    for (unsigned long long number = 0; number < count; ++number) {
        unsigned long long rest = number * THREAD_STEP % count;
        threadIdx.x = place(&rest, blockDim.x), threadIdx.y = place(&rest, blockDim.y);
        threadIdx.z = place(&rest, blockDim.z), blockIdx.x = place(&rest, gridDim.x);
        blockIdx.y = place(&rest, gridDim.y), blockIdx.z = place(&rest, gridDim.z);
        call(kernel, addresses, std::index_sequence_for<Parameters...>{});
    }
}

#else

template <class... Parameters>
static void launch(void (*kernel)(Parameters...), const int* blocks, const int* threads, void* const* addresses)
{
    gridDim = {blocks[0], blocks[1], blocks[2]};
    blockDim = {threads[0], threads[1], threads[2]};
    for (blockIdx.z = 0; blockIdx.z < gridDim.z; ++blockIdx.z)
        for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
            for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x)
                for (threadIdx.z = 0; threadIdx.z < blockDim.z; ++threadIdx.z)
                    for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
                        for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x)
                            call(kernel, addresses, std::index_sequence_for<Parameters...>{});
}

#endif
