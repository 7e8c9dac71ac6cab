// Styled crops → frame, within the faces' boxes only. Later faces cover earlier ones.

// Whether a sample of the luma (0) or chroma (1) grid lies in a face's box.
__device__ inline bool holds(const Job* job, const Face& face, int grid, int x, int y)
{
    const int step_x = grid ? job->step_x : 1, step_y = grid ? job->step_y : 1;
    return x >= face.left / step_x && x < face.right / step_x && y >= face.top / step_y && y < face.bottom / step_y;
}

// Blends one face into the codes of a sample.
__device__ inline void blend(const Job* job, const Face& face, int grid, int x, int y, int first, int last, float* codes)
{
    const int i = x - face.left / (grid ? job->step_x : 1), j = y - face.top / (grid ? job->step_y : 1);
    const float* mask = face.has_rivals ? face.share : face.mask;
    const float shows = sample_mask(mask, job->width, job->height, face.cover[grid], i, j) * face.gain;
    if (shows == 0.0f)
        return;
    const int area = job->width * job->height;
    for (int channel = first; channel < last; ++channel) {
        const Channel source = face.is_sharp[grid]
            ? Channel{face.doubled + 4 * channel * area, 2 * job->width, 1, 2 * job->width, 2 * job->height}
            : Channel{face.styled + channel * area, job->width, 1, job->width, job->height};
        const float styled = sample_sparse(source, face.picture[grid], face.every[grid], i, j);
        codes[channel] = round_level(round_level(styled) * shows + codes[channel] * (1.0f - shows));
    }
}

// Any number of blocks, which share the tiles of all faces; a tile is as large as a block. A sample in
// several boxes is the first face's, whose thread blends all of them in order.
extern "C" __global__ void paste(const Job* job, const Face* faces)
{
    for (int tile = blockIdx.x; tile < job->tiles; tile += gridDim.x) {
        int index = 0, grid = 0;
        for (int other = 0; other < job->faces; ++other)
            for (int which = 0; which <= job->is_yuv; ++which)
                if (faces[other].first_tile[which] <= tile) {
                    index = other;
                    grid = which;
                }
        const Face& face = faces[index];
        const int place = tile - face.first_tile[grid];
        const int column = place % face.tiles_across[grid], row = place / face.tiles_across[grid];
        const int x = face.left / (grid ? job->step_x : 1) + column * blockDim.x + threadIdx.x;
        const int y = face.top / (grid ? job->step_y : 1) + row * blockDim.y + threadIdx.y;
        bool is_mine = holds(job, face, grid, x, y);
        for (int earlier = 0; earlier < index; ++earlier)
            is_mine = is_mine && !holds(job, faces[earlier], grid, x, y);
        if (!is_mine)
            continue;
        const int first = grid ? 1 : 0, last = job->is_yuv && !grid ? 1 : 3;
        float codes[3];
        unsigned char* samples[3];
        for (int channel = first; channel < last; ++channel) {
            const Channel& plane = job->channels[channel];
            samples[channel] = plane.first + static_cast<long long>(y) * plane.row + x * plane.step;
            codes[channel] = *samples[channel];
        }
        for (int other = index; other < job->faces; ++other)
            if (holds(job, faces[other], grid, x, y))
                blend(job, faces[other], grid, x, y, first, last, codes);
        for (int channel = first; channel < last; ++channel)
            *samples[channel] = static_cast<unsigned char>(codes[channel]);
    }
}
