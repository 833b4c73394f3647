// SPDX-License-Identifier: GPL-2.0

//! Formats of multi-planar queues, frame sizes and rectangles.
//!
//! C header: [`include/uapi/linux/videodev2.h`](srctree/include/uapi/linux/videodev2.h)

use crate::bindings as media;

/// Planes of a buffer at most.
pub const MAX_PLANES: usize = media::VIDEO_MAX_PLANES as usize;

/// How sample values stand for colours. Opaque to most drivers, which copy it from queue to queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colorimetry {
    /// `enum v4l2_colorspace`.
    pub colorspace: u32,
    /// `enum v4l2_ycbcr_encoding`.
    pub ycbcr_enc: u8,
    /// `enum v4l2_quantization`.
    pub quantization: u8,
    /// `enum v4l2_xfer_func`.
    pub xfer_func: u8,
}

impl Colorimetry {
    /// ITU-R BT.709, of high definition video.
    pub const REC709: Self = Self {
        colorspace: media::v4l2_colorspace_V4L2_COLORSPACE_REC709,
        ycbcr_enc: media::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_DEFAULT as u8,
        quantization: media::v4l2_quantization_V4L2_QUANTIZATION_DEFAULT as u8,
        xfer_func: media::v4l2_xfer_func_V4L2_XFER_FUNC_DEFAULT as u8,
    };

    /// Returns whether nothing is said about the colours.
    pub fn is_default(&self) -> bool {
        self.colorspace == media::v4l2_colorspace_V4L2_COLORSPACE_DEFAULT
    }

    /// Returns whether all values are ones that the interface defines.
    pub fn is_known(&self) -> bool {
        self.colorspace < media::v4l2_colorspace_V4L2_COLORSPACE_LAST
            && u32::from(self.ycbcr_enc) < media::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_LAST
            && u32::from(self.quantization) <= media::v4l2_quantization_V4L2_QUANTIZATION_LIM_RANGE
            && u32::from(self.xfer_func) < media::v4l2_xfer_func_V4L2_XFER_FUNC_LAST
    }

    /// Returns the colour space.
    pub fn colorspace(&self) -> Colorspace {
        match self.colorspace {
            media::v4l2_colorspace_V4L2_COLORSPACE_SMPTE170M => Colorspace::Smpte170M,
            media::v4l2_colorspace_V4L2_COLORSPACE_SMPTE240M => Colorspace::Smpte240M,
            media::v4l2_colorspace_V4L2_COLORSPACE_REC709 => Colorspace::Rec709,
            media::v4l2_colorspace_V4L2_COLORSPACE_470_SYSTEM_M => Colorspace::System470M,
            media::v4l2_colorspace_V4L2_COLORSPACE_470_SYSTEM_BG => Colorspace::System470Bg,
            media::v4l2_colorspace_V4L2_COLORSPACE_JPEG => Colorspace::Jpeg,
            media::v4l2_colorspace_V4L2_COLORSPACE_SRGB => Colorspace::Srgb,
            media::v4l2_colorspace_V4L2_COLORSPACE_BT2020 => Colorspace::Bt2020,
            media::v4l2_colorspace_V4L2_COLORSPACE_DCI_P3 => Colorspace::DciP3,
            _ => Colorspace::Other,
        }
    }

    /// Returns the transfer function, that of the colour space by default.
    pub fn transfer_function(&self) -> TransferFunction {
        match u32::from(self.xfer_func) {
            media::v4l2_xfer_func_V4L2_XFER_FUNC_DEFAULT => match self.colorspace() {
                Colorspace::Smpte240M => TransferFunction::Smpte240M,
                Colorspace::Srgb | Colorspace::Jpeg => TransferFunction::Srgb,
                Colorspace::DciP3 => TransferFunction::DciP3,
                Colorspace::Other => TransferFunction::Other,
                _ => TransferFunction::Rec709,
            },
            media::v4l2_xfer_func_V4L2_XFER_FUNC_709 => TransferFunction::Rec709,
            media::v4l2_xfer_func_V4L2_XFER_FUNC_SRGB => TransferFunction::Srgb,
            media::v4l2_xfer_func_V4L2_XFER_FUNC_SMPTE240M => TransferFunction::Smpte240M,
            media::v4l2_xfer_func_V4L2_XFER_FUNC_NONE => TransferFunction::Linear,
            media::v4l2_xfer_func_V4L2_XFER_FUNC_DCI_P3 => TransferFunction::DciP3,
            media::v4l2_xfer_func_V4L2_XFER_FUNC_SMPTE2084 => TransferFunction::Smpte2084,
            _ => TransferFunction::Other,
        }
    }

    /// Returns the Y'CbCr encoding, that of the colour space by default.
    pub fn ycbcr_encoding(&self) -> YcbcrEncoding {
        match u32::from(self.ycbcr_enc) {
            media::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_DEFAULT => match self.colorspace() {
                Colorspace::Rec709 | Colorspace::DciP3 => YcbcrEncoding::Rec709,
                Colorspace::Bt2020 => YcbcrEncoding::Bt2020,
                Colorspace::Smpte240M => YcbcrEncoding::Smpte240M,
                _ => YcbcrEncoding::Rec601,
            },
            media::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_709
            | media::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_XV709 => YcbcrEncoding::Rec709,
            media::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_BT2020 => YcbcrEncoding::Bt2020,
            media::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_BT2020_CONST_LUM => {
                YcbcrEncoding::Bt2020ConstantLuminance
            }
            media::v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_SMPTE240M => YcbcrEncoding::Smpte240M,
            _ => YcbcrEncoding::Rec601,
        }
    }

    /// Returns whether samples use the whole range of values, as by default in JPEG's colours.
    pub fn is_full_range(&self) -> bool {
        match u32::from(self.quantization) {
            media::v4l2_quantization_V4L2_QUANTIZATION_DEFAULT => {
                self.colorspace() == Colorspace::Jpeg
            }
            quantization => quantization == media::v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE,
        }
    }
}

/// `enum v4l2_colorspace`: the primaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colorspace {
    /// SDTV in SMPTE 170M.
    Smpte170M,
    /// Early HDTV, SMPTE 240M.
    Smpte240M,
    /// HDTV, ITU-R BT.709.
    Rec709,
    /// NTSC of 1953.
    System470M,
    /// PAL and SECAM, EBU Tech 3213.
    System470Bg,
    /// JFIF: those of sRGB.
    Jpeg,
    /// sRGB.
    Srgb,
    /// UHDTV, ITU-R BT.2020.
    Bt2020,
    /// Digital cinema, SMPTE RP 431-2.
    DciP3,
    /// Another, or an unknown one.
    Other,
}

/// `enum v4l2_xfer_func`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferFunction {
    /// ITU-R BT.709.
    Rec709,
    /// sRGB.
    Srgb,
    /// SMPTE 240M.
    Smpte240M,
    /// No transfer function.
    Linear,
    /// Digital cinema: a power of 1/2.6.
    DciP3,
    /// The perceptual quantizer.
    Smpte2084,
    /// Another, or an unknown one.
    Other,
}

/// `enum v4l2_ycbcr_encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YcbcrEncoding {
    /// ITU-R BT.601.
    Rec601,
    /// ITU-R BT.709.
    Rec709,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020,
    /// ITU-R BT.2020, constant luminance.
    Bt2020ConstantLuminance,
    /// SMPTE 240M.
    Smpte240M,
}

/// Memory of one plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaneFormat {
    /// Bytes of the plane.
    pub sizeimage: u32,
    /// Bytes from line to line.
    pub bytesperline: u32,
}

/// `struct v4l2_pix_format_mplane`, progressive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixFormat {
    /// Four character code.
    pub pixelformat: u32,
    /// Width in samples.
    pub width: u32,
    /// Height in lines.
    pub height: u32,
    /// Colours.
    pub colorimetry: Colorimetry,
    /// Planes in use, at most [`MAX_PLANES`].
    pub num_planes: u8,
    /// Planes; those not in use are zero.
    pub planes: [PlaneFormat; MAX_PLANES],
}

impl PixFormat {
    /// Returns the planes in use.
    pub fn used_planes(&self) -> &[PlaneFormat] {
        self.planes
            .get(..usize::from(self.num_planes))
            .unwrap_or(&self.planes)
    }

    pub(crate) fn from_raw(raw: &media::v4l2_pix_format_mplane) -> Self {
        let mut planes = [PlaneFormat::default(); MAX_PLANES];
        for (plane, raw) in planes.iter_mut().zip(&raw.plane_fmt) {
            // The structure is packed: copy the fields.
            plane.sizeimage = raw.sizeimage;
            plane.bytesperline = raw.bytesperline;
        }
        Self {
            pixelformat: raw.pixelformat,
            width: raw.width,
            height: raw.height,
            colorimetry: Colorimetry {
                colorspace: raw.colorspace,
                // SAFETY: Both members of the union are `u8`.
                ycbcr_enc: unsafe { raw.__bindgen_anon_1.ycbcr_enc },
                quantization: raw.quantization,
                xfer_func: raw.xfer_func,
            },
            num_planes: raw.num_planes,
            planes,
        }
    }

    pub(crate) fn fill(&self, raw: &mut media::v4l2_pix_format_mplane) {
        *raw = pin_init::zeroed();
        raw.pixelformat = self.pixelformat;
        raw.width = self.width;
        raw.height = self.height;
        raw.field = media::v4l2_field_V4L2_FIELD_NONE;
        raw.colorspace = self.colorimetry.colorspace;
        raw.__bindgen_anon_1.ycbcr_enc = self.colorimetry.ycbcr_enc;
        raw.quantization = self.colorimetry.quantization;
        raw.xfer_func = self.colorimetry.xfer_func;
        raw.num_planes = self.num_planes;
        for (raw, plane) in raw.plane_fmt.iter_mut().zip(self.used_planes()) {
            raw.sizeimage = plane.sizeimage;
            raw.bytesperline = plane.bytesperline;
        }
    }
}

/// Sizes a driver takes, from the smallest to the largest in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameSizes {
    /// Smallest width and height.
    pub min: (u32, u32),
    /// Largest width and height.
    pub max: (u32, u32),
    /// Steps of width and height.
    pub step: (u32, u32),
}

/// `struct v4l2_rect`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    /// Column of the left edge.
    pub left: i32,
    /// Line of the top edge.
    pub top: i32,
    /// Width in samples.
    pub width: u32,
    /// Height in lines.
    pub height: u32,
}

/// `struct v4l2_fract`: a time in seconds. Not checked: the denominator may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    /// Numerator.
    pub numerator: u32,
    /// Denominator.
    pub denominator: u32,
}
