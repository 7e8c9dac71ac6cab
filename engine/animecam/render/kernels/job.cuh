// One frame's work as the host writes it; render/device_job.py has the same fields in the same order.
//
// Codes are 8-bit levels. A crop's pictures are planar, [3][height][width]. What is called "before" is of the last frame
// of the same face.

constexpr int PARTS = 9;  // of the ring in which colours are compared, as in render/match.py

struct Channel {          // one channel of the frame; chroma of NV12 lies every second byte
    unsigned char* first;
    int row;              // bytes from one row to the next
    int step;             // bytes from one sample to the next
    int width;
    int height;
};

struct Sampler {          // places of the samples of an output in a source, counted in blocks of source samples
    float xx, xy, x0;     // block of output sample (i, j): xx * i + xy * j + x0, from block centres
    float yx, yy, y0;
    int block_x, block_y; // source samples that are averaged into one before they are interpolated
    int start_x, start_y; // source sample at which block 0 begins
    int blocks_x, blocks_y;
};

constexpr int LOOKED_AT = 64; // cells of a crop's small copy, across and down
constexpr int LIT = 200, DARKEST = 25, LIT_MIDDLE = 130, DARKEST_MIDDLE = 17; // of crops and faces, as in render/light.py

struct Light {            // how a crop is lit
    int cells[LIT - DARKEST + 1];                 // of its small copy, by their level
    int middle_cells[LIT_MIDDLE - DARKEST_MIDDLE + 1]; // those where a face lies
    int has_color;
    int level;                                    // that its brightest cells reach: LIT is good light
    int middle;                                   // that those of its face reach
    unsigned char luma[LOOKED_AT * LOOKED_AT];    // of its small copy
};

struct Face {
    Sampler crop[2];      // crop pixels in the frame's luma (or RGB) and in its chroma
    Sampler picture[2];   // frame samples of the face's box in the styled or doubled crop, on the luma and chroma grid
    Sampler cover[2];     // the same in the mask
    unsigned char* filmed;
    unsigned char* filmed_before;
    unsigned char* drawn;
    unsigned char* drawn_before;
    unsigned char* styled;        // in the frame's own colour space, ready to be pasted
    unsigned char* doubled;       // the same with twice the samples across and down, of what `is_sharp`
    unsigned char* change;        // one plane
    const float* mask;            // the head's shape in its crop
    float* share;                 // what is pasted of it where faces overlap
    unsigned long long* sums;     // [PARTS][3]: weighted sums of differences, fixed point
    Light* light;
    float* offset;                // [PARTS][3]: how far its colours are moved
    float* offset_before;
    float follow;                 // share of a change of colour that is followed in this frame
    float gain;                   // with which the mask is pasted
    int has_before;
    int has_rivals;               // others overlap it: `share` is pasted, not `mask`
    int is_sharp[2];              // the styled crop is magnified: by bicubics to the double, then bilinearly
    int every[2];                 // 1, 2, 4 ...: `picture` is of every so manyth frame sample, bicubics make the others
    int left, top, right, bottom; // frame pixels that the face may touch, on the chroma grid
    int tiles_across[2];
    int first_tile[2];            // its tiles on the luma and on the chroma grid, among all
};

struct Job {
    Channel channels[3];
    const Sampler* claims;        // [faces][faces]: crop pixels of the first in the crop of the second
    const float* ring;            // [PARTS]: how much each crop pixel counts when colours are compared; sums to 1
    const float* reach;           // [PARTS]: how much of a part's offset moves each crop pixel
    float to_rgb[12];             // frame codes to RGB, rows of four, in units of 1 / 1024
    float from_rgb[12];
    float levels_to_offset[9];    // RGB difference to the luma and chroma in which colours are moved
    float offset_to_levels[9];
    float limits[3];
    float keep;                   // share of the last drawing where nothing moved
    float moved;                  // change in levels from which nothing is kept
    float slope;
    float strength;
    int spread;                   // pixels to each side over which changes are averaged
    int is_yuv;
    int faces;
    int width;                    // of a crop
    int height;
    int step_x, step_y;           // frame pixels per chroma sample
    int tiles;
};
