"""Clean dark lines by a difference of Gaussians that follows the edges.

Coherent line drawing: Kang, Lee, Chui, "Coherent Line Drawing", NPAR 2007; the soft threshold is that of Winnemöller,
"XDoG", NPAR 2011. The flow is the smoothed structure tensor's minor axis.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from animecam_training.faces import Plane

FLOW_STEP_PX = 1.0  # a step along the flow; finer steps change nothing visible


@dataclass(frozen=True, slots=True)
class LineOptions:
    """How lines are found.

    Attributes:
        sigma_px: Width of the inner Gaussian; the line is about twice as wide.
        spread: Outer over inner Gaussian; 1.6 approximates a Laplacian.
        gain: How much of the difference is added (XDoG's p).
        softness: Slope of the threshold (XDoG's phi); higher is harder.
        along_px: Reach of the smoothing along the flow; longer joins strokes and removes speckle.
        flow_sigma_px: Smoothing of the structure tensor.
    """

    sigma_px: float = 1.2
    spread: float = 1.6
    gain: float = 12.0
    softness: float = 6.0
    along_px: float = 4.0
    flow_sigma_px: float = 2.2

    def scaled(self, unit: float) -> "LineOptions":
        """The same look on a face that is `unit` times as large."""
        return replace(
            self,
            sigma_px=self.sigma_px * unit,
            along_px=self.along_px * unit,
            flow_sigma_px=self.flow_sigma_px * unit,
        )


OUTLINE = LineOptions(sigma_px=1.6, gain=14.0, softness=5.0, flow_sigma_px=2.5)
"""Bold lines around areas that are painted already."""

OUTLINE_THRESHOLD = 0.15  # what an edge must have more of before it becomes such a line


def edge_flow(gray: Plane, sigma_px: float) -> tuple[Plane, Plane]:
    """Unit vectors along the edges.

    Args:
        gray: float32 [H, W], 0 … 1.
        sigma_px: Smoothing of the structure tensor, pixels.

    Returns:
        x and y of the tangent, float32 [H, W] each; the sign is arbitrary.
    """
    dx, dy = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(t, (0, 0), sigma_px) for t in (dx * dx, dy * dy, dx * dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)  # of the major axis: across the edge
    return (-np.sin(angle)).astype(np.float32), np.cos(angle).astype(np.float32)


def _grid(shape: tuple[int, ...]) -> tuple[Plane, Plane]:
    ys, xs = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return xs, ys


def _sample(plane: Plane, xs: Plane, ys: Plane) -> Plane:
    return cv2.remap(plane, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101).astype(np.float32)


def _gaussian(position_px: float, sigma_px: float) -> float:
    return float(np.exp(-0.5 * (position_px / sigma_px) ** 2))


def across_difference(gray: Plane, flow: tuple[Plane, Plane], options: LineOptions) -> Plane:
    """Inner minus outer Gaussian, taken along the gradient only.

    Returns:
        float32 [H, W]; negative on the dark side of an edge.
    """
    xs, ys = _grid(gray.shape)
    normal_x, normal_y = -flow[1], flow[0]
    outer_px = options.sigma_px * options.spread
    reach = int(np.ceil(2.5 * outer_px))
    inner, outer = np.zeros_like(gray), np.zeros_like(gray)
    inner_sum = outer_sum = 0.0
    for t in range(-reach, reach + 1):
        value = _sample(gray, xs + t * normal_x, ys + t * normal_y)
        w_inner, w_outer = _gaussian(t, options.sigma_px), _gaussian(t, outer_px)
        inner += w_inner * value
        outer += w_outer * value
        inner_sum += w_inner
        outer_sum += w_outer
    return inner / inner_sum - outer / outer_sum


def smooth_along(plane: Plane, flow: tuple[Plane, Plane], sigma_px: float) -> Plane:
    """Gaussian mean along the flow's stream lines, float32 [H, W]."""
    total, weights = plane.copy(), 1.0
    for sign in (1.0, -1.0):
        xs, ys = _grid(plane.shape)
        dir_x, dir_y = flow[0] * sign, flow[1] * sign
        for step in range(1, int(np.ceil(2 * sigma_px)) + 1):
            xs, ys = xs + FLOW_STEP_PX * dir_x, ys + FLOW_STEP_PX * dir_y
            next_x, next_y = _sample(flow[0], xs, ys), _sample(flow[1], xs, ys)
            # The tangent's sign is arbitrary: keep walking the same way.
            agree = np.where(next_x * dir_x + next_y * dir_y < 0, -1.0, 1.0).astype(np.float32)
            dir_x, dir_y = next_x * agree, next_y * agree
            weight = _gaussian(step, sigma_px)
            total += weight * _sample(plane, xs, ys)
            weights += weight
    return total / weights


def draw_lines(gray: Plane, threshold: Plane, options: LineOptions) -> Plane:
    """How much ink lies on each pixel.

    Args:
        gray: float32 [H, W], 0 … 1, already flattened.
        threshold: float32 [H, W]; the strength an edge must have; larger where fewer lines are wanted (skin).
        options: Widths and slopes.

    Returns:
        float32 [H, W], 0 (paper) … 1 (ink).
    """
    flow = edge_flow(gray, options.flow_sigma_px)
    difference = smooth_along(across_difference(gray, flow, options), flow, options.along_px)
    strength = -options.gain * difference - threshold
    return np.clip(np.tanh(options.softness * strength), 0, 1).astype(np.float32)
