// What the network drew → what is pasted: steadied over time, moved to the colours around it, shared where faces overlap,
// with twice the samples where it is magnified.

// Index of a pixel beyond the border as OpenCV mirrors it by default: the border itself is not repeated.
__device__ inline int mirrored(int value, int count)
{
    value = value < 0 ? -value : value;
    value = value >= count ? 2 * count - 2 - value : value;
    return clamp_to(value, count);
}

// Share of the last drawing that stays at a pixel: all of it may where nothing moved around it.
__device__ inline float kept(const Job* job, const unsigned char* change, int x, int y)
{
    int sum = 0;
    for (int row = y - job->spread; row <= y + job->spread; ++row)
        for (int column = x - job->spread; column <= x + job->spread; ++column)
            sum += change[mirrored(row, job->height) * job->width + mirrored(column, job->width)];
    const int side = 2 * job->spread + 1;
    const float mean = static_cast<float>(sum) / (side * side);
    return fminf(fmaxf((job->moved - mean) * job->slope, 0.0f), job->keep);
}

// output: [faces][3][height][width], RGB in [-1, 1], of lit crops. One thread a crop pixel, faces along z.
extern "C" __global__ void calm(const Job* job, const Face* faces, const unsigned short* output)
{
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= job->width || y >= job->height)
        return;
    const Face& face = faces[blockIdx.z];
    const int area = job->width * job->height, at = y * job->width + x;
    const float stays = face.has_before ? kept(job, face.change, x, y) : 0.0f;
    float levels[3];
    for (int channel = 0; channel < 3; ++channel) {
        const float number = from_half(output[static_cast<long long>(blockIdx.z) * 3 * area + channel * area + at]);
        levels[channel] = round_level(number * (WHITE / 2.0f) + WHITE / 2.0f);
    }
    dim(job, face, x, y, levels);
    for (int channel = 0; channel < 3; ++channel) {
        const int plane = channel * area + at;
        if (face.has_before)
            levels[channel] = round_level(face.drawn_before[plane] * stays + levels[channel] * (1.0f - stays));
        face.drawn[plane] = static_cast<unsigned char>(levels[channel]);
    }
}

constexpr float FIXED_POINT = 4294967296.0f; // whole numbers add up to the same in any order

// Weighted sums of filmed minus drawn. Any number of threads along x, parts of the ring along y, faces along z.
extern "C" __global__ void ring(const Job* job, const Face* faces)
{
    const Face& face = faces[blockIdx.z];
    const int area = job->width * job->height;
    const float* weights = job->ring + blockIdx.y * area;
    float sums[3] = {0.0f, 0.0f, 0.0f};
    for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < area; at += gridDim.x * blockDim.x) {
        const float weight = weights[at];
        if (weight == 0.0f)
            continue;
        for (int channel = 0; channel < 3; ++channel)
            sums[channel] += weight * (face.filmed[channel * area + at] - face.drawn[channel * area + at]);
    }
    for (int channel = 0; channel < 3; ++channel) {
        const long long sum = static_cast<long long>(rintf(sums[channel] * FIXED_POINT));
        // Modulo 2^64, so that signs come out right.
        atomicAdd(face.sums + 3 * blockIdx.y + channel, static_cast<unsigned long long>(sum));
    }
}

// How far a part of the ring asks colours to be moved in this frame, in luma and colour differences.
__device__ inline void follow(const Job* job, const Face& face, int part, float* offset)
{
    float levels[3];
    for (int channel = 0; channel < 3; ++channel)
        levels[channel] = static_cast<float>(static_cast<long long>(face.sums[3 * part + channel])) / FIXED_POINT;
    for (int axis = 0; axis < 3; ++axis) {
        const float limit = job->limits[axis], before = face.offset_before[3 * part + axis];
        const float aim = fminf(fmaxf(linear(job->levels_to_offset + 3 * axis, levels), -limit), limit);
        offset[axis] = before + face.follow * (aim - before);
    }
}

// What is pasted of a face at a crop pixel that others claim too; see render/overlap.py.
__device__ inline float share(const Job* job, const Face* faces, int index, int x, int y)
{
    const float smallest = 1e-6f;
    const float mask = faces[index].mask[y * job->width + x];
    float undrawn = 1.0f - mask, total = mask * mask, later = 0.0f;
    for (int other = 0; other < job->faces; ++other) {
        const Sampler& claim = job->claims[index * job->faces + other];
        if (claim.block_x == 0) // they do not meet
            continue;
        const float seen = sample_mask(faces[other].mask, job->width, job->height, claim, x, y);
        undrawn *= 1.0f - seen;
        total += seen * seen;
        if (other > index)
            later += seen * seen;
    }
    const float part = (1.0f - undrawn) * job->strength / fmaxf(total, smallest);
    return fminf(fmaxf(part * mask * mask / fmaxf(1.0f - part * later, smallest), 0.0f), 1.0f);
}

// One thread a crop pixel, faces along z.
extern "C" __global__ void finish(const Job* job, const Face* faces)
{
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= job->width || y >= job->height)
        return;
    const Face& face = faces[blockIdx.z];
    const int area = job->width * job->height, at = y * job->width + x;
    float moved[3] = {0.0f, 0.0f, 0.0f}, rgb[3];
    for (int part = 0; part < PARTS; ++part) {
        float offset[3];
        follow(job, face, part, offset);
        const float reach = job->reach[part * area + at];
        for (int axis = 0; axis < 3; ++axis) {
            moved[axis] += reach * offset[axis];
            if (at == 0)
                face.offset[3 * part + axis] = offset[axis];
        }
    }
    for (int channel = 0; channel < 3; ++channel) {
        const float move = linear(job->offset_to_levels + 3 * channel, moved);
        rgb[channel] = round_level(face.drawn[channel * area + at] + move);
    }
    for (int channel = 0; channel < 3; ++channel) {
        const float code = job->is_yuv ? affine(job->from_rgb + 4 * channel, rgb) : rgb[channel];
        face.styled[channel * area + at] = static_cast<unsigned char>(code);
    }
    if (face.has_rivals)
        face.share[at] = share(job, faces, blockIdx.z, x, y);
}

// Bicubic weights a quarter of a sample after a sample; those of three quarters are the same backwards. A = -0.75.
constexpr float QUARTER[4] = {-0.10546875f, 0.87890625f, 0.26171875f, -0.03515625f};

// Writes the 2 x 2 samples of a doubled plane that lie in sample (x, y), from the 5 x 5 around it.
__device__ inline void enlarge_one(const unsigned char* plane, int width, int height, int x, int y, unsigned char* to)
{
    float sum[2][2] = {{0.0f, 0.0f}, {0.0f, 0.0f}};
    for (int row = 0; row < 5; ++row) {
        const unsigned char* line = plane + clamp_to(y - 2 + row, height) * width;
        float level[5];
        for (int column = 0; column < 5; ++column)
            level[column] = line[clamp_to(x - 2 + column, width)];
        for (int right = 0; right < 2; ++right) {
            float part = 0.0f;
            for (int tap = 0; tap < 4; ++tap)
                part += QUARTER[right ? tap : 3 - tap] * level[right + tap];
            if (row < 4)
                sum[0][right] += QUARTER[3 - row] * part;
            if (row > 0)
                sum[1][right] += QUARTER[row - 1] * part;
        }
    }
    unsigned char* first = to + 4 * y * width + 2 * x;
    for (int lower = 0; lower < 2; ++lower)
        for (int right = 0; right < 2; ++right)
            first[2 * lower * width + right] = static_cast<unsigned char>(round_level(sum[lower][right]));
}

// Styled crops with twice the samples, where they are magnified: once here costs less than for each pixel of the frame.
// One thread a crop pixel, faces along z.
extern "C" __global__ void enlarge(const Job* job, const Face* faces)
{
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= job->width || y >= job->height)
        return;
    const Face& face = faces[blockIdx.z];
    const int area = job->width * job->height;
    for (int channel = 0; channel < 3; ++channel)
        if (face.is_sharp[job->is_yuv && channel > 0])
            enlarge_one(face.styled + channel * area, job->width, job->height, x, y, face.doubled + 4 * channel * area);
}
