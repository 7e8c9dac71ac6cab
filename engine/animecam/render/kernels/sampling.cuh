// Samples as render/resample.py takes them: blocks averaged where the source is finer, bilinear in between.

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

// Bicubic weights a quarter of a sample after a sample; those of three quarters are the same backwards. A = -0.75.
constexpr float QUARTER[4] = {-0.10546875f, 0.87890625f, 0.26171875f, -0.03515625f};

// Sample (x, y) of a plane that is magnified to the double, rounded to a level.
__device__ inline float doubled(const unsigned char* plane, int width, int height, int x, int y)
{
    x = clamp_to(x, 2 * width);
    y = clamp_to(y, 2 * height);
    const int column = (x + 1) / 2 - 2, row = (y + 1) / 2 - 2;
    float sum = 0.0f;
    for (int down = 0; down < 4; ++down) {
        const unsigned char* line = plane + clamp_to(row + down, height) * width;
        float part = 0.0f;
        for (int across = 0; across < 4; ++across)
            part += QUARTER[x & 1 ? across : 3 - across] * line[clamp_to(column + across, width)];
        sum += QUARTER[y & 1 ? down : 3 - down] * part;
    }
    return round_level(sum);
}

__device__ inline float sample_sharp(const unsigned char* plane, int width, int height, const Sampler& at, int i, int j)
{
    return bilinear(at, i, j, [&](int column, int row) { return doubled(plane, width, height, column, row); });
}
