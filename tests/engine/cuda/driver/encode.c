/* A stand-in for NVIDIA's encoder (libnvidia-encode.so.1) below the real FFmpeg.

It writes H.264 in which every block holds its samples as they are (I_PCM of ITU-T H.264, 7.3.5), so that what comes out
of a file is to the bit what the encoder was given. Structures begin as those of NVIDIA's Video Codec SDK do; what comes
after the fields that are used is left out, as they are only read and written through pointers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OK 0
#define INVALID 8 /* NV_ENC_ERR_INVALID_PARAM */
#define END_OF_STREAM 8 /* NV_ENC_PIC_FLAG_EOS */
#define KEY_FRAME 3 /* NV_ENC_PIC_TYPE_IDR */
#define LIMIT 8192
#define LEAST_WIDTH 145 /* as of the hardware, for H.264 */
#define BLOCK 16
#define HEADERS 256 /* bytes: far more than a frame's headers take */

typedef struct { uint32_t a; uint16_t b, c; uint8_t d[8]; } Guid;
static const Guid H264 = {0x6bc82762, 0x4e63, 0x4ca4, {0xaa, 0x85, 0x1e, 0x50, 0xf3, 0x21, 0xf6, 0xbf}};

typedef struct { uint8_t *bytes; size_t nbytes; unsigned bits, filled; } Writer; /* of a NAL unit's payload */
typedef struct { uint8_t *bytes; size_t nbytes; uint64_t time; } Stored;
typedef struct { uint32_t width, height, frames; } Encoder;
typedef struct { const uint8_t *pixels; uint32_t pitch; } Picture;

typedef struct { uint32_t version; Guid codec, preset; uint32_t width, height; } InitializeParams;
typedef struct { uint32_t version, what; } CapsParam;
typedef struct { uint32_t version, size, heap, reserved; void *made; } CreateBuffer;
typedef struct {
    uint32_t version, kind, width, height, pitch, index;
    const void *memory;
    void *registered;
} RegisterResource;
typedef struct { uint32_t version, index; void *input, *registered, *mapped; uint32_t format; } MapResource;
typedef struct {
    uint32_t version, width, height, pitch, flags, index;
    uint64_t time, duration;
    void *input, *output;
} PictureParams;
typedef struct {
    uint32_t version, flags;
    void *output, *slices;
    uint32_t index, status, slice_count, nbytes;
    uint64_t time, duration;
    void *bytes;
    uint32_t kind, structure, mean_qp;
} LockBitstream;
typedef struct { uint32_t version, room, sps, pps; void *bytes; uint32_t *nbytes; } SequenceParams;

static void put(Writer *to, unsigned count, uint32_t value) {
    while (count--) {
        to->bits = to->bits << 1 | ((value >> count) & 1);
        if (++to->filled == 8) { to->bytes[to->nbytes++] = (uint8_t)to->bits; to->bits = to->filled = 0; }
    }
}

static void put_ue(Writer *to, uint32_t value) { /* Exp-Golomb, 9.1 */
    unsigned length = 0;
    while ((value + 1) >> (length + 1)) length++;
    put(to, length, 0);
    put(to, length + 1, value + 1);
}

static void align(Writer *to) { while (to->filled) put(to, 1, 0); }

static void end(Writer *to) { put(to, 1, 1); align(to); }

static void copy_nal(Stored *to, uint8_t header, const Writer *payload) { /* with bytes against false starts, 7.4.1 */
    static const uint8_t start[] = {0, 0, 0, 1};
    memcpy(to->bytes + to->nbytes, start, sizeof start);
    to->nbytes += sizeof start;
    to->bytes[to->nbytes++] = header;
    for (size_t i = 0, zeros = 0; i < payload->nbytes; i++) {
        uint8_t byte = payload->bytes[i];
        if (zeros >= 2 && byte <= 3) { to->bytes[to->nbytes++] = 3; zeros = 0; }
        to->bytes[to->nbytes++] = byte;
        zeros = byte ? 0 : zeros + 1;
    }
}

static uint32_t blocks(uint32_t side) { return (side + BLOCK - 1) / BLOCK; }

static void copy_headers(const Encoder *encoder, Stored *to) {
    uint8_t room[HEADERS];
    uint32_t across = blocks(encoder->width), down = blocks(encoder->height);
    Writer sps = {room, 0, 0, 0};
    put(&sps, 24, 0x42c028); /* Baseline, level 4.0 */
    put_ue(&sps, 0); put_ue(&sps, 0); put_ue(&sps, 2); put_ue(&sps, 1); put(&sps, 1, 0);
    put_ue(&sps, across - 1); put_ue(&sps, down - 1);
    put(&sps, 2, 3); /* whole frames, inferred in 8 x 8 */
    put(&sps, 1, 1); /* cut off on the right and below, in pairs */
    put_ue(&sps, 0); put_ue(&sps, (across * BLOCK - encoder->width) / 2);
    put_ue(&sps, 0); put_ue(&sps, (down * BLOCK - encoder->height) / 2);
    put(&sps, 1, 0);
    end(&sps);
    copy_nal(to, 0x67, &sps);
    Writer pps = {room, 0, 0, 0};
    put_ue(&pps, 0); put_ue(&pps, 0); put(&pps, 2, 0);
    put_ue(&pps, 0); put_ue(&pps, 0); put_ue(&pps, 0); put(&pps, 3, 0);
    put_ue(&pps, 0); put_ue(&pps, 0); put_ue(&pps, 0);
    put(&pps, 3, 4); /* slices tell of the deblocking filter */
    end(&pps);
    copy_nal(to, 0x68, &pps);
}

static uint8_t sample(const uint8_t *plane, uint32_t pitch, uint32_t width, uint32_t height, uint32_t x, uint32_t y,
                      uint32_t step) {
    if (x >= width) x = width - 1;
    if (y >= height) y = height - 1;
    return plane[(size_t)y * pitch + (size_t)x * step];
}

static void put_plane(Writer *to, const Encoder *encoder, const Picture *picture, uint32_t left, uint32_t top,
                      int part) { /* luma, Cb, Cr of one block */
    uint32_t half = part ? 2 : 1, step = half, side = BLOCK / half;
    const uint8_t *plane = picture->pixels;
    if (part) plane += (size_t)picture->pitch * encoder->height + (part - 1);
    for (uint32_t y = 0; y < side; y++)
        for (uint32_t x = 0; x < side; x++)
            put(to, 8, sample(plane, picture->pitch, encoder->width / half, encoder->height / half, left / half + x,
                              top / half + y, step));
}

static void copy_picture(Encoder *encoder, const Picture *picture, Stored *to) {
    uint32_t across = blocks(encoder->width), down = blocks(encoder->height);
    Writer slice = {malloc(HEADERS + (size_t)across * down * (BLOCK * BLOCK * 3 / 2 + 4)), 0, 0, 0};
    put_ue(&slice, 0); put_ue(&slice, 7); put_ue(&slice, 0); put(&slice, 4, 0);
    put_ue(&slice, encoder->frames++ & 1); /* two pictures that begin anew in a row must differ in this */
    put(&slice, 2, 0); put_ue(&slice, 0);
    put_ue(&slice, 1); /* no deblocking */
    for (uint32_t i = 0; i < across * down; i++) {
        put_ue(&slice, 25); /* I_PCM */
        align(&slice);
        for (int part = 0; part < 3; part++)
            put_plane(&slice, encoder, picture, i % across * BLOCK, i / across * BLOCK, part);
    }
    end(&slice);
    to->bytes = realloc(to->bytes, 2 * HEADERS + slice.nbytes * 3 / 2 + HEADERS);
    to->nbytes = 0;
    copy_headers(encoder, to);
    copy_nal(to, 0x65, &slice);
    free(slice.bytes);
}

static int open_session(void *params, void **made) { (void)params; *made = calloc(1, sizeof(Encoder)); return OK; }
static int guid_count(void *e, uint32_t *count) { (void)e; *count = 1; return OK; }
static int guids(void *e, Guid *to, uint32_t room, uint32_t *count) {
    (void)e; (void)room; *to = H264; *count = 1; return OK;
}
static int caps(void *e, Guid codec, const CapsParam *asked, int *value) {
    (void)e; (void)codec; (void)asked; *value = LIMIT; return OK; /* sizes, and everything else is there, too */
}
static int preset(void) { return OK; } /* the caller's zeros are as good */
static int initialize(Encoder *encoder, const InitializeParams *params) {
    encoder->width = params->width; encoder->height = params->height;
    return params->width < LEAST_WIDTH ? INVALID : OK;
}
static int create_buffer(void *e, CreateBuffer *params) { (void)e; params->made = calloc(1, sizeof(Stored)); return OK; }
static int destroy_buffer(void *e, Stored *stored) { (void)e; free(stored->bytes); free(stored); return OK; }
static int register_resource(void *e, RegisterResource *params) {
    (void)e;
    Picture *picture = malloc(sizeof *picture);
    picture->pixels = params->memory; picture->pitch = params->pitch;
    params->registered = picture;
    return OK;
}
static int unregister_resource(void *e, void *picture) { (void)e; free(picture); return OK; }
static int map(void *e, MapResource *params) { (void)e; params->mapped = params->registered; return OK; }
static int encode(Encoder *encoder, const PictureParams *params) {
    if (params->flags & END_OF_STREAM) return OK;
    Stored *to = params->output;
    copy_picture(encoder, params->input, to);
    to->time = params->time;
    return OK;
}
static int lock(void *e, LockBitstream *params) {
    (void)e;
    const Stored *stored = params->output;
    params->bytes = stored->bytes; params->nbytes = (uint32_t)stored->nbytes; params->time = stored->time;
    params->kind = KEY_FRAME; params->structure = 1; params->mean_qp = 1; params->slice_count = 1;
    return OK;
}
static int sequence(const Encoder *encoder, SequenceParams *params) {
    Stored stored = {params->bytes, 0, 0};
    copy_headers(encoder, &stored);
    *params->nbytes = (uint32_t)stored.nbytes;
    return OK;
}
static int destroy(Encoder *encoder) { free(encoder); return OK; }
static const char *last_error(void *e) { (void)e; return "an error of the stand-in"; }
static int nothing(void) { return OK; }

enum { /* places in the list of functions */
    GUID_COUNT = 1, GUIDS = 4, CAPS = 7, PRESET = 10, INITIALIZE = 11, CREATE_BUFFER = 14, DESTROY_BUFFER = 15,
    ENCODE = 16, LOCK = 17, SEQUENCE = 22, MAP = 25, DESTROY = 27, OPEN = 29, REGISTER = 30, UNREGISTER = 31,
    LAST_ERROR = 37, PRESET_EX = 39, FUNCTIONS = 41
};
typedef struct { uint32_t version, reserved; void *functions[FUNCTIONS]; } FunctionList;

int NvEncodeAPIGetMaxSupportedVersion(uint32_t *version) { *version = 99 << 4; return OK; }

int NvEncodeAPICreateInstance(FunctionList *list) {
    for (int i = 0; i < FUNCTIONS; i++) list->functions[i] = (void *)nothing;
    list->functions[GUID_COUNT] = (void *)guid_count;
    list->functions[GUIDS] = (void *)guids;
    list->functions[CAPS] = (void *)caps;
    list->functions[PRESET] = list->functions[PRESET_EX] = (void *)preset;
    list->functions[INITIALIZE] = (void *)initialize;
    list->functions[CREATE_BUFFER] = (void *)create_buffer;
    list->functions[DESTROY_BUFFER] = (void *)destroy_buffer;
    list->functions[ENCODE] = (void *)encode;
    list->functions[LOCK] = (void *)lock;
    list->functions[SEQUENCE] = (void *)sequence;
    list->functions[MAP] = (void *)map;
    list->functions[DESTROY] = (void *)destroy;
    list->functions[OPEN] = (void *)open_session;
    list->functions[REGISTER] = (void *)register_resource;
    list->functions[UNREGISTER] = (void *)unregister_resource;
    list->functions[LAST_ERROR] = (void *)last_error;
    return OK;
}
