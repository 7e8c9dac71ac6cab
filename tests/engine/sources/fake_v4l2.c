/* A camera for tests, loaded with LD_PRELOAD: /dev/video7 answers the requests of Video4Linux as a webcam would.

   FAKE_JPEG names the picture that it sends as MJPEG; FAKE_MODE makes it fail: busy, denied, unplug (after 5 frames),
   silent (never a frame), yuyv (no MJPEG, and always 64x48), nv12 (no MJPEG), empty (every third transfer is), late (all
   buffers were filled long before the first is asked for). Time goes on by being asked, not by a clock. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BUFFERS = 4, ROOM = 1 << 18, PERIOD_US = 33333, UNPLUGGED_AFTER = 5, LATE_US = 3000000, ASKS = 3 };

static int camera = -1;
static int queued[BUFFERS], head, waiting; /* buffers the program gave back, oldest first */
static long frames, asked;
static struct v4l2_pix_format picture;

static int is_mode(const char *name) {
    const char *mode = getenv("FAKE_MODE");
    return mode && !strcmp(mode, name);
}

static int fail(int code) {
    errno = code;
    return -1;
}

static int open_camera(const char *path) {
    (void)path;
    if (is_mode("denied")) return fail(EACCES);
    camera = (int)syscall(SYS_memfd_create, "camera", 0);
    if (ftruncate(camera, (off_t)BUFFERS * ROOM)) return -1;
    frames = asked = waiting = head = 0;
    return camera;
}

static int set_format(struct v4l2_format *format) {
    int wants_mjpeg = format->fmt.pix.pixelformat == V4L2_PIX_FMT_MJPEG, is_nv12 = is_mode("nv12");
    if (is_mode("busy")) return fail(EBUSY);
    picture = format->fmt.pix;
    picture.pixelformat = wants_mjpeg && !is_mode("yuyv") ? V4L2_PIX_FMT_MJPEG : V4L2_PIX_FMT_YUYV;
    if (is_nv12) picture.pixelformat = V4L2_PIX_FMT_NV12;
    picture.field = V4L2_FIELD_NONE;
    if (is_mode("yuyv")) picture.width = 64, picture.height = 48;
    picture.bytesperline = is_nv12 ? picture.width : picture.width * 2;
    picture.sizeimage = is_nv12 ? picture.width * picture.height * 3 / 2 : picture.width * picture.height * 2;
    if (picture.pixelformat == V4L2_PIX_FMT_MJPEG) picture.sizeimage = ROOM;
    format->fmt.pix = picture;
    return 0;
}

/* One colour everywhere: luma 40, blue difference 90, red difference 200. */
static void paint(unsigned char *bytes, size_t length) {
    size_t luma = picture.pixelformat == V4L2_PIX_FMT_NV12 ? length * 2 / 3 : 0;
    memset(bytes, 40, length);
    if (luma)
        for (size_t i = luma; i < length; i++) bytes[i] = (i - luma) % 2 ? 200 : 90;
    else
        for (size_t i = 1; i < length; i += 2) bytes[i] = i % 4 == 1 ? 90 : 200;
}

static unsigned fill(unsigned index) {
    static unsigned char bytes[ROOM];
    size_t length = picture.sizeimage;
    if (picture.pixelformat == V4L2_PIX_FMT_MJPEG) {
        FILE *file = fopen(getenv("FAKE_JPEG"), "rb");
        length = fread(bytes, 1, ROOM, file);
        fclose(file);
    } else {
        paint(bytes, length);
    }
    if (is_mode("empty") && frames % 3 == 2) length = 0;
    return (unsigned)pwrite(camera, bytes, length, (off_t)index * ROOM);
}

static int dequeue(struct v4l2_buffer *buffer) {
    int is_old = is_mode("late") && frames < BUFFERS;
    if (is_mode("silent") || !waiting || (!is_old && ++asked % ASKS)) return fail(EAGAIN);
    if (is_mode("unplug") && frames == UNPLUGGED_AFTER) return fail(ENODEV);
    buffer->index = (unsigned)queued[head];
    head = (head + 1) % BUFFERS;
    waiting--;
    buffer->bytesused = fill(buffer->index);
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    long long stamp = ++frames * PERIOD_US + (is_old ? 0 : LATE_US);
    buffer->timestamp.tv_sec = stamp / 1000000;
    buffer->timestamp.tv_usec = stamp % 1000000;
    buffer->sequence = (unsigned)frames;
    return 0;
}

static int enumerate_format(struct v4l2_fmtdesc *format) {
    static const unsigned known[] = {V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_NV12};
    unsigned first = is_mode("nv12") ? 2 : is_mode("yuyv") ? 1 : 0, last = first ? first : 1;
    if (format->index + first > last) return fail(EINVAL);
    format->pixelformat = known[format->index + first];
    return 0;
}

static int answer(unsigned long request, void *argument) {
    switch ((unsigned)request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *capability = argument;
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->card, "Fake Webcam");
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_ENUM_FMT: return enumerate_format(argument);
    case VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *size = argument;
        if (size->index > 1) return fail(EINVAL);
        size->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        size->discrete.width = size->index ? 160 : 64;
        size->discrete.height = size->index ? 120 : 48;
        return 0;
    }
    case VIDIOC_ENUM_FRAMEINTERVALS: {
        struct v4l2_frmivalenum *interval = argument;
        if (interval->index > 1) return fail(EINVAL);
        interval->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        interval->discrete = (struct v4l2_fract){1, interval->index ? 30 : 15};
        return 0;
    }
    case VIDIOC_S_INPUT:
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF: return 0;
    case VIDIOC_G_INPUT: return *(int *)argument = 0;
    case VIDIOC_ENUMINPUT: {
        struct v4l2_input *input = argument;
        if (input->index) return fail(EINVAL);
        input->std = 0;
        return 0;
    }
    case VIDIOC_S_FMT: return set_format(argument);
    case VIDIOC_G_FMT: ((struct v4l2_format *)argument)->fmt.pix = picture; return 0;
    case VIDIOC_S_PARM:
    case VIDIOC_G_PARM: {
        struct v4l2_streamparm *rate = argument;
        rate->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        rate->parm.capture.timeperframe = (struct v4l2_fract){1, 30};
        return 0;
    }
    case VIDIOC_REQBUFS: ((struct v4l2_requestbuffers *)argument)->count = BUFFERS; return 0;
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *buffer = argument;
        buffer->length = ROOM;
        buffer->m.offset = buffer->index * ROOM;
        return 0;
    }
    case VIDIOC_QBUF: queued[(head + waiting++) % BUFFERS] = (int)((struct v4l2_buffer *)argument)->index; return 0;
    case VIDIOC_DQBUF: return dequeue(argument);
    default: return fail(ENOTTY);
    }
}

static int is_camera(const char *path) { return !strcmp(path, "/dev/video7"); }

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return is_camera(path) ? open_camera(path) : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return is_camera(path) ? open_camera(path) : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int ioctl(int device, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return device == camera && camera >= 0 ? answer(request, argument) : (int)syscall(SYS_ioctl, device, request, argument);
}
