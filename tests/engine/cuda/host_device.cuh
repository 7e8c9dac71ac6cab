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
