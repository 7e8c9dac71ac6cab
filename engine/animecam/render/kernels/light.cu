// Crops → numbers of 16 bits for the network, dim ones in good light: as render/light.py has it, which tells why.

constexpr int LOOKED_AT = 64;     // cells of a crop's small copy, across and down
constexpr int BRIGHTEST = 42;     // so many cells reach the level that tells how a crop is lit
constexpr int COLORLESS = 2;      // levels between the channels of a cell without colour

__device__ inline void clear(Light& light)
{
    for (int level = 0; level <= LIT - DARKEST; ++level)
        light.cells[level] = 0;
    light.has_color = 0;
}

// How much of a row's pixel, or of a column's, lies in a cell; all shares of a cell add up to `side`.
__device__ inline int share_of(int pixel, int cell, int side)
{
    return min(LOOKED_AT * (pixel + 1), side * (cell + 1)) - max(LOOKED_AT * pixel, side * cell);
}

// The mean of a crop's channels in a cell, in whole levels. OpenCV rounds halves of 2 x 2 pixels up, of others not.
__device__ inline void look(const Job* job, const unsigned char* filmed, int column, int row, int* levels)
{
    const int width = job->width, height = job->height, area = width * height;
    int sums[3] = {0, 0, 0};
    for (int y = height * row / LOOKED_AT; LOOKED_AT * y < height * (row + 1); ++y)
        for (int x = width * column / LOOKED_AT; LOOKED_AT * x < width * (column + 1); ++x) {
            const int weight = share_of(x, column, width) * share_of(y, row, height);
            for (int channel = 0; channel < 3; ++channel)
                sums[channel] += weight * filmed[channel * area + y * width + x];
        }
    const bool are_pairs = width == 2 * LOOKED_AT && height == 2 * LOOKED_AT;
    for (int channel = 0; channel < 3; ++channel) {
        const float mean = static_cast<float>(sums[channel]) / area;
        levels[channel] = static_cast<int>(are_pairs ? floorf(mean + 0.5f) : rintf(mean));
    }
}

// Counts the cells of each level, those beyond DARKEST and LIT with these. Any number of threads along x, faces along z.
extern "C" __global__ void light(const Job* job, const Face* faces)
{
    const Face& face = faces[blockIdx.z];
    for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < LOOKED_AT * LOOKED_AT; at += gridDim.x * blockDim.x) {
        int levels[3];
        look(job, face.filmed, at % LOOKED_AT, at / LOOKED_AT, levels);
        const int luma = grey(levels[0], levels[1], levels[2]);
        atomicAdd(face.light->cells + min(max(luma, DARKEST), LIT) - DARKEST, 1);
        const int most = max(max(levels[0], levels[1]), levels[2]);
        if (most - min(min(levels[0], levels[1]), levels[2]) > COLORLESS)
            face.light->has_color = 1; // whoever writes it writes the same
    }
}

// The level that the brightest cells reach, DARKEST to LIT; of what is well lit the first look tells it.
__device__ inline int level_of(const Light& light)
{
    int level = LIT, reached = light.cells[LIT - DARKEST];
    while (reached < BRIGHTEST && level > DARKEST) {
        --level;
        reached += light.cells[level - DARKEST];
    }
    return level;
}

// input: [faces][3][height][width], RGB in [-1, 1]. Any number of threads along x, faces along z.
extern "C" __global__ void feed(const Job* job, const Face* faces, unsigned short* input)
{
    const Face& face = faces[blockIdx.z];
    const int samples = 3 * job->width * job->height, first = blockIdx.x * blockDim.x + threadIdx.x;
    const int level = level_of(*face.light);
    if (first == 0)
        face.light->level = level;
    const float gain = static_cast<float>(LIT) / level;
    unsigned short* numbers = input + static_cast<long long>(blockIdx.z) * samples;
    for (int at = first; at < samples; at += gridDim.x * blockDim.x)
        numbers[at] = to_half(round_level(face.filmed[at] * gain) * (2.0f / WHITE) - 1.0f);
}

// What was drawn of a lit crop, as gray and as dim as the crop was.
__device__ inline void dim(const Light& light, float* levels)
{
    if (!light.has_color) {
        const int luma = grey(static_cast<int>(levels[0]), static_cast<int>(levels[1]), static_cast<int>(levels[2]));
        levels[0] = levels[1] = levels[2] = static_cast<float>(luma);
    }
    if (light.level < LIT)
        for (int channel = 0; channel < 3; ++channel)
            levels[channel] = round_level(levels[channel] * (light.level / static_cast<float>(LIT)));
}
