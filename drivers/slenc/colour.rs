// SPDX-License-Identifier: GPL-2.0

//! From the colours of a V4L2 format to those of H.264's video usability information, which are
//! code points of Recommendation ITU-T H.273.

use crate::pure::adapt::Colour;
use media::v4l2::format::{
    Colorimetry,
    Colorspace,
    TransferFunction,
    YcbcrEncoding, //
};

/// Describes what a format says; what H.273 has no code point for is unspecified.
pub(crate) fn describe(colorimetry: &Colorimetry) -> Colour {
    Colour {
        full_range: colorimetry.is_full_range(),
        primaries: match colorimetry.colorspace() {
            Colorspace::Rec709 | Colorspace::Srgb | Colorspace::Jpeg => 1,
            Colorspace::System470M => 4,
            Colorspace::System470Bg => 5,
            Colorspace::Smpte170M => 6,
            Colorspace::Smpte240M => 7,
            Colorspace::Bt2020 => 9,
            Colorspace::DciP3 => 11,
            Colorspace::Other => Colour::UNSPECIFIED,
        },
        transfer: match colorimetry.transfer_function() {
            TransferFunction::Rec709 => 1,
            TransferFunction::Smpte240M => 7,
            TransferFunction::Linear => 8,
            TransferFunction::Srgb => 13,
            TransferFunction::Smpte2084 => 16,
            TransferFunction::DciP3 => 17,
            TransferFunction::Other => Colour::UNSPECIFIED,
        },
        matrix: match colorimetry.ycbcr_encoding() {
            YcbcrEncoding::Rec709 => 1,
            YcbcrEncoding::Rec601 => 6,
            YcbcrEncoding::Smpte240M => 7,
            YcbcrEncoding::Bt2020 => 9,
            YcbcrEncoding::Bt2020ConstantLuminance => 10,
        },
    }
}
