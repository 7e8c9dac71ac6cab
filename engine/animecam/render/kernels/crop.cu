// Frame → aligned crops, all faces of a batch in one launch: as bytes to compare and as numbers of 16 bits for the network.

// The grey of an RGB difference, as OpenCV rounds it.
__device__ inline unsigned char grey(int red, int green, int blue)
{
    return static_cast<unsigned char>((red * 9798 + green * 19235 + blue * 3735 + (1 << 14)) >> 15);
}

// input: [faces][3][height][width], RGB in [-1, 1]. One thread a crop pixel, faces along z.
extern "C" __global__ void crop(const Job* job, const Face* faces, unsigned short* input)
{
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= job->width || y >= job->height)
        return;
    const Face& face = faces[blockIdx.z];
    if (x == 0 && y == 0)
        for (int sum = 0; sum < 3 * PARTS; ++sum)
            face.sums[sum] = 0;
    float codes[3], rgb[3];
    for (int channel = 0; channel < 3; ++channel)
        codes[channel] = round_level(sample(job->channels[channel], face.crop[job->is_yuv && channel > 0], x, y));
    for (int channel = 0; channel < 3; ++channel)
        rgb[channel] = job->is_yuv ? affine(job->to_rgb + 4 * channel, codes) : codes[channel];

    const int area = job->width * job->height, at = y * job->width + x;
    int change[3] = {0, 0, 0};
    for (int channel = 0; channel < 3; ++channel) {
        const int plane = channel * area + at;
        const int level = static_cast<int>(rgb[channel]);
        if (face.has_before)
            change[channel] = abs(level - face.filmed_before[plane]);
        face.filmed[plane] = static_cast<unsigned char>(level);
        input[static_cast<long long>(blockIdx.z) * 3 * area + plane] = to_half(rgb[channel] * (2.0f / WHITE) - 1.0f);
    }
    face.change[at] = grey(change[0], change[1], change[2]);
}
