// Crops → numbers of 16 bits for the network, dim ones in good light: as render/light.py has it, which tells why.

constexpr int BRIGHTEST = 42, BRIGHTEST_OF_MIDDLE = 100; // so many cells reach the levels that tell how a crop is lit
constexpr float MIDDLE_X = 0.5f, MIDDLE_Y = 0.52f, MIDDLE_WIDE = 0.2f, MIDDLE_TALL = 0.26f; // an ellipse: of the sides
constexpr float SHADE_FROM = 1.3f, SHADE_TO = 2.0f; // times as bright as a face: lit less, and left as it is
constexpr int COLORLESS = 2;         // levels between the channels of a cell without colour

__device__ inline void clear(Light& light)
{
    for (int level = 0; level <= LIT - DARKEST; ++level)
        light.cells[level] = 0;
    for (int level = 0; level <= LIT_MIDDLE - DARKEST_MIDDLE; ++level)
        light.middle_cells[level] = 0;
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

__device__ inline bool is_middle(int column, int row)
{
    const float across = ((column + 0.5f) / LOOKED_AT - MIDDLE_X) / MIDDLE_WIDE;
    const float down = ((row + 0.5f) / LOOKED_AT - MIDDLE_Y) / MIDDLE_TALL;
    return across * across + down * down < 1.0f;
}

__device__ inline void count(int* cells, int luma, int darkest, int lit)
{
    atomicAdd(cells + min(max(luma, darkest), lit) - darkest, 1);
}

// Counts the cells of each level, those beyond the darkest and the lit one with these. Any number of threads along x,
// faces along z.
extern "C" __global__ void light(const Job* job, const Face* faces)
{
    const Face& face = faces[blockIdx.z];
    for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < LOOKED_AT * LOOKED_AT; at += gridDim.x * blockDim.x) {
        const int column = at % LOOKED_AT, row = at / LOOKED_AT;
        int levels[3];
        look(job, face.filmed, column, row, levels);
        const int luma = grey(levels[0], levels[1], levels[2]);
        face.light->luma[at] = static_cast<unsigned char>(luma);
        count(face.light->cells, luma, DARKEST, LIT);
        if (is_middle(column, row))
            count(face.light->middle_cells, luma, DARKEST_MIDDLE, LIT_MIDDLE);
        const int most = max(max(levels[0], levels[1]), levels[2]);
        if (most - min(min(levels[0], levels[1]), levels[2]) > COLORLESS)
            face.light->has_color = 1; // whoever writes it writes the same
    }
}

// The level that so many cells reach; of what is well lit the first look tells it.
__device__ inline int reached(const int* cells, int darkest, int lit, int wanted)
{
    int level = lit, seen = cells[lit - darkest];
    while (seen < wanted && level > darkest) {
        --level;
        seen += cells[level - darkest];
    }
    return level;
}

// By how much a level is to be multiplied where a face is in the shade.
__device__ inline float gain_of(int luma, int level, int middle)
{
    const float part = (static_cast<float>(luma) / middle - SHADE_FROM) / (SHADE_TO - SHADE_FROM);
    const float beyond = fminf(fmaxf(part, 0.0f), 1.0f);
    const float gain = static_cast<float>(LIT) / level, most = static_cast<float>(LIT_MIDDLE) / middle;
    return gain + (most - gain) * (1.0f - beyond * beyond * (3.0f - 2.0f * beyond));
}

// The cells on both sides of a place, and how far it is from the first to the second.
__device__ inline float between(int place, int side, int* first, int* second)
{
    const float cell = (place + 0.5f) * LOOKED_AT / side - 0.5f;
    const int before = static_cast<int>(floorf(cell));
    *first = max(before, 0);
    *second = min(before + 1, LOOKED_AT - 1);
    return cell - before;
}

// Whether light comes from behind.
__device__ inline bool is_shaded(int level, int middle)
{
    return LIT_MIDDLE * level > LIT * middle;
}

// By how much the pixel x, y of a crop is to be multiplied for good light; where that is from behind, never beyond white.
__device__ inline float gain_at(const Job* job, const Face& face, int level, int middle, int x, int y)
{
    if (!is_shaded(level, middle))
        return static_cast<float>(LIT) / level;
    int columns[2], rows[2];
    const float right = between(x, job->width, columns, columns + 1), below = between(y, job->height, rows, rows + 1);
    float gains[2];
    for (int row = 0; row < 2; ++row) {
        const unsigned char* line = face.light->luma + rows[row] * LOOKED_AT;
        const float left = gain_of(line[columns[0]], level, middle);
        gains[row] = left + (gain_of(line[columns[1]], level, middle) - left) * right;
    }
    const int area = job->width * job->height;
    const unsigned char* rgb = face.filmed + y * job->width + x;
    const int brightest = max(max(rgb[0], rgb[area]), max(rgb[2 * area], static_cast<unsigned char>(1)));
    return fminf(gains[0] + (gains[1] - gains[0]) * below, WHITE / brightest);
}

// input: [faces][3][height][width], RGB in [-1, 1]. Any number of threads along x, faces along z.
extern "C" __global__ void feed(const Job* job, const Face* faces, unsigned short* input)
{
    const Face& face = faces[blockIdx.z];
    const int area = job->width * job->height, first = blockIdx.x * blockDim.x + threadIdx.x;
    const int level = reached(face.light->cells, DARKEST, LIT, BRIGHTEST);
    const int middle = reached(face.light->middle_cells, DARKEST_MIDDLE, LIT_MIDDLE, BRIGHTEST_OF_MIDDLE);
    if (first == 0) {
        face.light->level = level;
        face.light->middle = middle;
    }
    unsigned short* numbers = input + static_cast<long long>(blockIdx.z) * 3 * area;
    for (int at = first; at < area; at += gridDim.x * blockDim.x) {
        const float gain = gain_at(job, face, level, middle, at % job->width, at / job->width);
        for (int plane = at; plane < 3 * area; plane += area)
            numbers[plane] = to_half(round_level(face.filmed[plane] * gain) * (2.0f / WHITE) - 1.0f);
    }
}

// What was drawn at x, y of a lit crop, as gray and as dim as the crop was.
__device__ inline void dim(const Job* job, const Face& face, int x, int y, float* levels)
{
    const Light& light = *face.light;
    if (!light.has_color) {
        const int luma = grey(static_cast<int>(levels[0]), static_cast<int>(levels[1]), static_cast<int>(levels[2]));
        levels[0] = levels[1] = levels[2] = static_cast<float>(luma);
    }
    if (is_shaded(light.level, light.middle)) {
        const float gain = gain_at(job, face, light.level, light.middle, x, y);
        for (int channel = 0; channel < 3; ++channel)
            levels[channel] = round_level(levels[channel] / gain);
    } else if (light.level < LIT) {
        for (int channel = 0; channel < 3; ++channel)
            levels[channel] = round_level(levels[channel] * (light.level / static_cast<float>(LIT)));
    }
}
