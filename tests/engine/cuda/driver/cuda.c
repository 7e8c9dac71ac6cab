/* A stand-in for NVIDIA's driver (libcuda.so.1) below the real FFmpeg: the memory of the GPU is the host's.

Only what FFmpeg's code for frames on a GPU calls does something. */
#include <stdlib.h>
#include <string.h>

#define CUDA_SUCCESS 0
#define CUDA_ERROR_OUT_OF_MEMORY 2
#define ON_HOST 1 /* CU_MEMORYTYPE_HOST */
#define ALIGNMENT 256
#define WAITS_ASLEEP 4 /* CU_CTX_SCHED_BLOCKING_SYNC, as the program asks for it */

typedef unsigned long long Address;

typedef struct {
    size_t source_x, source_y;
    int source_kind;
    const char *source_host;
    Address source_device;
    void *source_array;
    size_t source_pitch;
    size_t to_x, to_y;
    int to_kind;
    char *to_host;
    Address to_device;
    void *to_array;
    size_t to_pitch;
    size_t width, height;
} Copy2D;

static int context;

int cuDeviceGetCount(int *count) { *count = 1; return CUDA_SUCCESS; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return CUDA_SUCCESS; }
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *is_active) {
    (void)device; *flags = WAITS_ASLEEP; *is_active = 1; return CUDA_SUCCESS;
}
int cuDevicePrimaryCtxRetain(void **made, int device) { (void)device; *made = &context; return CUDA_SUCCESS; }
int cuCtxGetCurrent(void **current) { *current = &context; return CUDA_SUCCESS; }
int cuCtxGetDevice(int *device) { *device = 0; return CUDA_SUCCESS; }
int cuCtxPopCurrent_v2(void **current) { if (current) *current = &context; return CUDA_SUCCESS; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void)attribute; (void)device; *value = ALIGNMENT; return CUDA_SUCCESS;
}
int cuDeviceComputeCapability(int *major, int *minor, int device) {
    (void)device; *major = 8; *minor = 9; return CUDA_SUCCESS;
}
int cuGetErrorName(int error, const char **name) { (void)error; *name = "STAND_IN"; return CUDA_SUCCESS; }
int cuGetErrorString(int error, const char **text) { (void)error; *text = "of the stand-in"; return CUDA_SUCCESS; }

int cuMemAlloc_v2(Address *made, size_t nbytes) {
    *made = (Address)aligned_alloc(ALIGNMENT, (nbytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    return *made ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}
int cuMemFree_v2(Address address) { free((void *)address); return CUDA_SUCCESS; }

int cuMemcpy2D_v2(const Copy2D *copy) {
    const char *source = copy->source_kind == ON_HOST ? copy->source_host : (const char *)copy->source_device;
    char *to = copy->to_kind == ON_HOST ? copy->to_host : (char *)copy->to_device;
    for (size_t y = 0; y < copy->height; y++)
        memcpy(to + (copy->to_y + y) * copy->to_pitch + copy->to_x,
               source + (copy->source_y + y) * copy->source_pitch + copy->source_x, copy->width);
    return CUDA_SUCCESS;
}
int cuMemcpy2DAsync_v2(const Copy2D *copy, void *stream) { (void)stream; return cuMemcpy2D_v2(copy); }

#define _(name) int name(void) { return CUDA_SUCCESS; } /* is looked up and not needed */
_(cuArray3DCreate_v2) _(cuArrayCreate_v2) _(cuArrayDestroy) _(cuCtxCreate_v2) _(cuCtxDestroy_v2)
_(cuCtxPushCurrent_v2) _(cuCtxSetLimit) _(cuDestroyExternalMemory) _(cuDestroyExternalSemaphore)
_(cuDeviceGetByPCIBusId) _(cuDeviceGetLuid) _(cuDeviceGetName) _(cuDeviceGetPCIBusId) _(cuDeviceGetUuid)
_(cuDeviceGetUuid_v2) _(cuDevicePrimaryCtxRelease) _(cuDevicePrimaryCtxReset) _(cuDevicePrimaryCtxSetFlags)
_(cuDriverGetVersion) _(cuEGLStreamConsumerDisconnect) _(cuEGLStreamProducerConnect)
_(cuEGLStreamProducerDisconnect) _(cuEGLStreamProducerPresentFrame) _(cuEGLStreamProducerReturnFrame)
_(cuEventCreate) _(cuEventDestroy_v2) _(cuEventQuery) _(cuEventRecord) _(cuEventSynchronize)
_(cuExternalMemoryGetMappedBuffer) _(cuExternalMemoryGetMappedMipmappedArray) _(cuGLGetDevices_v2)
_(cuGraphicsGLRegisterImage) _(cuGraphicsMapResources) _(cuGraphicsResourceGetMappedPointer_v2)
_(cuGraphicsSubResourceGetMappedArray) _(cuGraphicsUnmapResources) _(cuGraphicsUnregisterResource)
_(cuImportExternalMemory) _(cuImportExternalSemaphore) _(cuInit) _(cuLaunchKernel) _(cuLinkAddData)
_(cuLinkComplete) _(cuLinkCreate) _(cuLinkDestroy) _(cuMemAllocManaged) _(cuMemAllocPitch_v2) _(cuMemcpy)
_(cuMemcpyAsync) _(cuMemcpyDtoDAsync_v2) _(cuMemcpyDtoD_v2) _(cuMemcpyDtoHAsync_v2) _(cuMemcpyDtoH_v2)
_(cuMemcpyHtoDAsync_v2) _(cuMemcpyHtoD_v2) _(cuMemsetD8Async) _(cuMipmappedArrayDestroy) _(cuMipmappedArrayGetLevel)
_(cuModuleGetFunction) _(cuModuleGetGlobal) _(cuModuleLoadData) _(cuModuleUnload) _(cuSignalExternalSemaphoresAsync)
_(cuStreamAddCallback) _(cuStreamCreate) _(cuStreamDestroy_v2) _(cuStreamQuery) _(cuStreamSynchronize)
_(cuStreamWaitEvent) _(cuTexObjectCreate) _(cuTexObjectDestroy) _(cuWaitExternalSemaphoresAsync)
