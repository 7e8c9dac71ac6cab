// Frame → aligned crops, all faces of a batch in one launch, as bytes.

// One thread a crop pixel, faces along z.
extern "C" __global__ void crop(const Job* job, const Face* faces)
{
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= job->width || y >= job->height)
        return;
    const Face& face = faces[blockIdx.z];
    if (x == 0 && y == 0) {
        for (int sum = 0; sum < 3 * PARTS; ++sum)
            face.sums[sum] = 0;
        clear(*face.light);
    }
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
    }
    face.change[at] = grey(change[0], change[1], change[2]);
}
