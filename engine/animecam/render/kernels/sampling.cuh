// Samples as render/resample.py takes them: blocks averaged where the source is finer, bilinear in between, and by
// bicubics where it is a lot coarser.

constexpr float WHITE = 255.0f;
constexpr float COLOR_UNIT = 1024.0f;

__device__ inline float round_level(float value)
{
    return fminf(fmaxf(rintf(value), 0.0f), WHITE);
}

__device__ inline int clamp_to(int value, int count)
{
    return min(max(value, 0), count - 1);
}

// A row of an affine map of three levels, in steps of a COLOR_UNIT-th as OpenCV counts; all sums are whole and exact.
__device__ inline float affine(const float* row, const float* level)
{
    const float sum = row[0] * level[0] + row[1] * level[1] + row[2] * level[2] + row[3];
    return fminf(fmaxf(floorf((sum + COLOR_UNIT / 2.0f) / COLOR_UNIT), 0.0f), WHITE);
}

// The grey of an RGB pixel, or of a difference of two, as OpenCV rounds it.
__device__ inline unsigned char grey(int red, int green, int blue)
{
    return static_cast<unsigned char>((red * 9798 + green * 19235 + blue * 3735 + (1 << 14)) >> 15);
}

__device__ inline float linear(const float* row, const float* value)
{
    return row[0] * value[0] + row[1] * value[1] + row[2] * value[2];
}

// `fetch(x, y)` gives block (x, y), whatever lies beyond the last one included.
template <class Fetch>
__device__ float bilinear(const Sampler& at, int i, int j, Fetch fetch)
{
    const float x = at.xx * i + at.xy * j + at.x0;
    const float y = at.yx * i + at.yy * j + at.y0;
    const float left = floorf(x), top = floorf(y);
    const float across = x - left, down = y - top;
    const int column = static_cast<int>(left), row = static_cast<int>(top);
    const float upper = fetch(column, row) * (1.0f - across) + fetch(column + 1, row) * across;
    const float lower = fetch(column, row + 1) * (1.0f - across) + fetch(column + 1, row + 1) * across;
    return upper * (1.0f - down) + lower * down;
}

// Sum of a few samples, those beyond the border replicated.
__device__ inline int sum_of(const Channel& source, int left, int top, int across, int down)
{
    int sum = 0;
    for (int y = top; y < top + down; ++y) {
        const unsigned char* line = source.first + static_cast<long long>(clamp_to(y, source.height)) * source.row;
        for (int x = left; x < left + across; ++x)
            sum += line[clamp_to(x, source.width) * source.step];
    }
    return sum;
}

// Mean of a block; if its sides are even, of means of 2 x 2 samples. OpenCV rounds halves of those up, of others not.
__device__ inline float mean_of(const Channel& source, int left, int top, int across, int down)
{
    if (across == 1 && down == 1)
        return static_cast<float>(sum_of(source, left, top, 1, 1)); // nothing to divide: most samples by far
    if (across % 2 || down % 2)
        return rintf(static_cast<float>(sum_of(source, left, top, across, down)) / (across * down));
    int sum = 0;
    for (int y = top; y < top + down; y += 2)
        for (int x = left; x < left + across; x += 2)
            sum += (sum_of(source, x, y, 2, 2) + 2) / 4;
    if (across == 4 && down == 4)
        return static_cast<float>((sum + 2) / 4); // 2 x 2 again
    return rintf(static_cast<float>(sum) / (across * down / 4));
}

// A channel beyond whose border the border goes on.
__device__ inline float sample(const Channel& source, const Sampler& at, int i, int j)
{
    return bilinear(at, i, j, [&](int column, int row) {
        const int left = at.start_x + clamp_to(column, at.blocks_x) * at.block_x;
        const int top = at.start_y + clamp_to(row, at.blocks_y) * at.block_y;
        return mean_of(source, left, top, at.block_x, at.block_y);
    });
}

// A mask beyond whose border nothing shows.
__device__ inline float sample_mask(const float* mask, int width, int height, const Sampler& at, int i, int j)
{
    return bilinear(at, i, j, [&](int column, int row) {
        if (column < 0 || row < 0 || column >= at.blocks_x || row >= at.blocks_y)
            return 0.0f;
        const int left = at.start_x + column * at.block_x, top = at.start_y + row * at.block_y;
        float sum = 0.0f;
        for (int y = max(top, 0); y < min(top + at.block_y, height); ++y)
            for (int x = max(left, 0); x < min(left + at.block_x, width); ++x)
                sum += mask[y * width + x];
        return sum / (at.block_x * at.block_y);
    });
}

// Weight that bicubics give a sample at a distance below 2. A = -0.75, as OpenCV has it.
__device__ inline float cubic(float distance)
{
    const float d = fabsf(distance);
    return d < 1.0f ? (1.25f * d - 2.25f) * d * d + 1.0f : ((-0.75f * d + 3.75f) * d - 6.0f) * d + 3.0f;
}

// Sample (i, j) where only every so manyth one is taken, across and down, and bicubics make those between: of 16 that
// are taken where heads are magnified a lot, of one where every one is. In one loop, as a second copy of what takes a
// sample gets unrolled for sm_120, which keeps NVRTC 13.5 busy for more than half a minute.
__device__ inline float sample_sparse(const Channel& source, const Sampler& at, int every, int i, int j)
{
    const float x = (i + 0.5f) / every - 0.5f, y = (j + 0.5f) / every - 0.5f;
    const int left = static_cast<int>(floorf(x)), top = static_cast<int>(floorf(y)), reach = every > 1;
    float sum = 0.0f;
    for (int row = top - reach; row <= top + 2 * reach; ++row)
        for (int column = left - reach; column <= left + 2 * reach; ++column)
            sum += cubic(y - row) * cubic(x - column) * round_level(sample(source, at, column, row));
    return sum;
}
