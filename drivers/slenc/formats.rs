// SPDX-License-Identifier: GPL-2.0

//! Formats of the queues, cropping and the frame interval.
//!
//! The OUTPUT format says what the source is, and everything else follows: the selection of the
//! source that is coded, and the size and colours of the CAPTURE format. Only its buffer size is the
//! application's.

mod ioctls;
mod raw;

use self::raw::{
    Raw,
    RAW_FORMATS, //
};
use crate::{
    colour,
    pure::{
        adapt,
        crop,
        picture::{
            Capabilities,
            Plane,
            Source, //
        }, //
    }, //
};
use kernel::{
    dma::DmaAddress,
    prelude::*, //
};
use media::{
    uapi as v4l2,
    v4l2::format::{
        Colorimetry,
        Fraction,
        PixFormat,
        PlaneFormat,
        Rect,
        MAX_PLANES, //
    },
    videobuf2::Direction, //
};

/// Largest CAPTURE buffer.
const MAX_CODED_SIZE: u32 = 64 << 20;
/// Bytes of a macroblock at most, H.264 clause A.3.1: 3200 bits.
const MAX_MB_BYTES: u32 = 400;
/// Room for headers in a CAPTURE buffer, and the smallest one that there is.
const MAX_HEADER_BYTES: u32 = 4096;
/// Size of the pictures of a new file.
const DEFAULT_SIZE: (u32, u32) = (640, 480);
/// Frame interval of a new file.
const DEFAULT_INTERVAL: Fraction = Fraction {
    numerator: 1,
    denominator: 25,
};

/// Rounds a length to the nearest even one in a range of even lengths.
fn even(length: u32, min: u32, max: u32) -> u32 {
    (length.saturating_add(1) & !1).max(min).min(max)
}

/// Returns whether a wanted format says what the colours are. If it does not, they are taken to be
/// those of HDTV.
fn says_colours(wanted: &PixFormat) -> bool {
    wanted.colorimetry.is_known() && !wanted.colorimetry.is_default()
}

/// The formats of an open file.
#[derive(Clone, Copy)]
pub(crate) struct Formats {
    output: PixFormat,
    /// The application said what the colours are: this is for decoders, too.
    colours_are_known: bool,
    /// Bytes of a CAPTURE buffer that the application asks for, or 0.
    capture_size: u32,
    /// It asks for fewer than a picture can have: for pictures of up to so many macroblocks.
    small_mbs: u32,
    crop: Rect,
    interval: Fraction,
    min: (u32, u32),
    max: (u32, u32),
}

impl Formats {
    pub(crate) fn new(capabilities: &Capabilities) -> Self {
        let pair = |(width, height): (u16, u16)| (width.into(), height.into());
        let mut formats = Self {
            output: PixFormat {
                pixelformat: v4l2::V4L2_PIX_FMT_NV12M,
                width: DEFAULT_SIZE.0,
                height: DEFAULT_SIZE.1,
                colorimetry: Colorimetry::REC709,
                num_planes: 0,
                planes: [PlaneFormat::default(); MAX_PLANES],
            },
            colours_are_known: false,
            capture_size: 0,
            small_mbs: 0,
            crop: Rect::default(),
            interval: DEFAULT_INTERVAL,
            min: pair(capabilities.min_size),
            max: pair(capabilities.max_size),
        };
        let output = formats.try_output(formats.output, capabilities);
        formats.set_output(output, false);
        formats
    }

    /// Returns the format of a queue.
    pub(crate) fn get(&self, direction: Direction) -> PixFormat {
        match direction {
            Direction::Output => self.output,
            Direction::Capture if self.mbs() <= self.small_mbs => self.capture(self.capture_size),
            Direction::Capture => self.capture(self.capture_size.max(self.sufficient())),
        }
    }

    /// Returns the coded size in macroblocks.
    pub(crate) fn size_mbs(&self) -> (u16, u16) {
        let mbs = |length: u32| length.div_ceil(16).try_into().unwrap_or(u16::MAX);
        (mbs(self.crop.width), mbs(self.crop.height))
    }

    /// Returns what parameter sets say about the formats.
    pub(crate) fn stream(&self) -> adapt::Stream {
        let (width_mbs, height_mbs) = self.size_mbs();
        adapt::Stream {
            width: self.crop.width.try_into().unwrap_or(u16::MAX),
            height: self.crop.height.try_into().unwrap_or(u16::MAX),
            width_mbs,
            height_mbs,
            interval: Some((self.interval.numerator, self.interval.denominator)),
            sample_aspect_ratio: None,
            colour: self
                .colours_are_known
                .then(|| colour::describe(&self.output.colorimetry)),
            hrd: None,
        }
    }

    /// Returns the source that lies in buffers whose planes begin at these addresses.
    pub(crate) fn source(
        &self,
        capabilities: &Capabilities,
        mut address: impl FnMut(usize) -> Result<DmaAddress>,
    ) -> Result<Source> {
        let raw = Raw::find(self.output.pixelformat, capabilities).ok_or(EINVAL)?;
        let stride = self.output.planes.first().ok_or(EINVAL)?.bytesperline;
        let left = u32::try_from(self.crop.left)?;
        let top = u32::try_from(self.crop.top)?;
        let mut planes = [Plane::default(); 3];
        // Where the plane begins in memory that it shares.
        let mut before: u32 = 0;
        for (index, plane) in planes.iter_mut().take(raw.source.planes()).enumerate() {
            let base = address(if raw.split { index } else { 0 })?;
            let pitch = raw.stride(index, stride);
            // The crop rectangle begins at even samples and lines.
            let skipped = raw
                .lines(index, top)
                .checked_mul(pitch)
                .and_then(|bytes| bytes.checked_add(raw.source.line_bytes(index, left)))
                .and_then(|bytes| bytes.checked_add(before))
                .ok_or(EOVERFLOW)?;
            *plane = Plane {
                address: base.checked_add(skipped.into()).ok_or(EOVERFLOW)?,
                stride: pitch,
            };
            if !raw.split {
                before = before
                    .checked_add(raw.plane_size(index, stride, self.output.height))
                    .ok_or(EOVERFLOW)?;
            }
        }
        Ok(Source {
            format: raw.source,
            width: self.crop.width.try_into()?,
            height: self.crop.height.try_into()?,
            planes,
        })
    }

    fn try_output(&self, wanted: PixFormat, capabilities: &Capabilities) -> PixFormat {
        let raw = Raw::find(wanted.pixelformat, capabilities)
            .or_else(|| {
                RAW_FORMATS
                    .iter()
                    .find(|raw| capabilities.supports(raw.source))
            })
            .unwrap_or(&RAW_FORMATS[0]);
        let width = even(wanted.width, self.min.0, self.max.0);
        let height = even(wanted.height, self.min.1, self.max.1);
        let asked = wanted.planes.first().map_or(0, |plane| plane.bytesperline);
        let (num_planes, planes) = raw.memory(width, height, asked);
        let colorimetry = if says_colours(&wanted) {
            wanted.colorimetry
        } else {
            Colorimetry::REC709
        };
        PixFormat {
            pixelformat: raw.pixelformat,
            width,
            height,
            colorimetry,
            num_planes,
            planes,
        }
    }

    /// Macroblocks of a picture.
    fn mbs(&self) -> u32 {
        let (width_mbs, height_mbs) = self.size_mbs();
        u32::from(width_mbs).saturating_mul(height_mbs.into())
    }

    /// Bytes that any picture fits into.
    fn sufficient(&self) -> u32 {
        self.mbs()
            .saturating_mul(MAX_MB_BYTES)
            .saturating_add(MAX_HEADER_BYTES)
    }

    fn try_capture(&self, asked: u32) -> PixFormat {
        self.capture(match asked {
            0 => self.sufficient(),
            _ => asked.clamp(MAX_HEADER_BYTES, MAX_CODED_SIZE),
        })
    }

    fn set_capture(&mut self, asked: u32) {
        self.small_mbs = if (1..self.sufficient()).contains(&asked) {
            self.mbs()
        } else {
            0
        };
        self.capture_size = match asked {
            0 => 0,
            _ => asked.clamp(MAX_HEADER_BYTES, MAX_CODED_SIZE),
        };
    }

    /// The CAPTURE format with buffers of this size.
    fn capture(&self, sizeimage: u32) -> PixFormat {
        let mut planes = [PlaneFormat::default(); MAX_PLANES];
        if let Some(plane) = planes.first_mut() {
            plane.sizeimage = sizeimage;
        }
        PixFormat {
            pixelformat: v4l2::V4L2_PIX_FMT_H264_SLICE,
            width: self.crop.width,
            height: self.crop.height,
            colorimetry: self.output.colorimetry,
            num_planes: 1,
            planes,
        }
    }

    /// Bytes of a CAPTURE buffer of the format.
    fn coded_size(&self) -> u32 {
        let format = self.get(Direction::Capture);
        format.planes.first().map_or(0, |plane| plane.sizeimage)
    }

    fn set_output(&mut self, format: PixFormat, colours_are_known: bool) {
        if (format.width, format.height) != (self.output.width, self.output.height)
            || self.crop.width == 0
        {
            self.crop = Rect {
                left: 0,
                top: 0,
                width: format.width,
                height: format.height,
            };
        }
        self.output = format;
        self.colours_are_known = colours_are_known;
    }

    fn bounds(&self) -> Rect {
        Rect {
            left: 0,
            top: 0,
            width: self.output.width,
            height: self.output.height,
        }
    }

    /// The nearest rectangle with even edges in the picture that the constraints allow.
    fn try_crop(&self, wanted: &Rect, limits: crop::Limits) -> Option<Rect> {
        let nearest = |min, length, start, wanted| {
            let (start, length) = crop::Axis { min, length }.nearest(start, wanted, limits)?;
            Some((i32::try_from(start).ok()?, length))
        };
        let (left, width) = nearest(self.min.0, self.output.width, wanted.left, wanted.width)?;
        let (top, height) = nearest(self.min.1, self.output.height, wanted.top, wanted.height)?;
        Some(Rect {
            left,
            top,
            width,
            height,
        })
    }
}

/// Returns an interval that parameter sets can express: their time scale counts fields, twice as
/// many as frames, in 32 bits (H.264 clause E.2.1).
fn valid_interval(mut interval: Fraction) -> Fraction {
    while interval.denominator > u32::MAX / 2 {
        interval.numerator /= 2;
        interval.denominator /= 2;
    }
    if interval.numerator == 0 || interval.denominator == 0 {
        return DEFAULT_INTERVAL;
    }
    interval
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(slenc_formats)]
mod tests {
    use super::*;
    use crate::pure::picture::SourceFormat;

    const GEN1: Capabilities = Capabilities::GEN1;
    const FREE: crop::Limits = crop::Limits {
        at_least: false,
        at_most: false,
    };

    fn wanted(pixelformat: u32, width: u32, height: u32, bytesperline: u32) -> PixFormat {
        let mut format = Formats::new(&GEN1).output;
        format.pixelformat = pixelformat;
        format.width = width;
        format.height = height;
        format.planes = [PlaneFormat {
            sizeimage: 1,
            bytesperline,
        }; MAX_PLANES];
        format
    }

    fn set(pixelformat: u32, width: u32, height: u32, bytesperline: u32) -> Formats {
        let mut formats = Formats::new(&GEN1);
        let output = formats.try_output(wanted(pixelformat, width, height, bytesperline), &GEN1);
        formats.set_output(output, true);
        formats
    }

    /// Sizes and strides of the planes of memory.
    fn memory(formats: &Formats) -> (usize, [(u32, u32); 3]) {
        let planes = formats.output.used_planes();
        let mut result = [(0, 0); 3];
        for (to, plane) in result.iter_mut().zip(planes) {
            *to = (plane.sizeimage, plane.bytesperline);
        }
        (planes.len(), result)
    }

    #[test]
    fn a_new_file_has_a_format_that_it_would_get() {
        let formats = Formats::new(&GEN1);
        assert!(formats.try_output(formats.output, &GEN1) == formats.output);
        assert!(formats.size_mbs() == (40, 30));
        assert!(formats.stream().colour.is_none());
    }

    #[test]
    fn sizes_stay_as_asked_and_lines_are_padded() {
        let formats = set(v4l2::V4L2_PIX_FMT_NV12M, 1000, 1080, 0);
        assert!(formats.bounds() == formats.crop);
        assert_eq!(formats.output.width, 1000);
        assert_eq!(formats.output.height, 1080);
        assert!(memory(&formats) == (2, [(1008 * 1080, 1008), (1008 * 540, 1008), (0, 0)]));
        let formats = set(v4l2::V4L2_PIX_FMT_NV12, 1000, 1080, 0);
        assert!(memory(&formats).0 == 1 && memory(&formats).1[0] == (1008 * 1620, 1008));
        let formats = set(v4l2::V4L2_PIX_FMT_YUV420M, 34, 50, 0);
        assert!(memory(&formats) == (3, [(48 * 50, 48), (24 * 25, 24), (24 * 25, 24)]));
        let formats = set(v4l2::V4L2_PIX_FMT_UYVY, 34, 50, 0);
        assert!(memory(&formats).1[0] == (80 * 50, 80));
    }

    #[test]
    fn strides_are_kept_when_lines_fit() {
        assert!(memory(&set(v4l2::V4L2_PIX_FMT_YUV420, 34, 50, 34)).1[0] == (34 * 75, 34));
        assert!(memory(&set(v4l2::V4L2_PIX_FMT_YUYV, 34, 50, 100)).1[0] == (100 * 50, 100));
        assert!(memory(&set(v4l2::V4L2_PIX_FMT_NV12, 34, 50, 32)).1[0].1 == 48);
        assert!(memory(&set(v4l2::V4L2_PIX_FMT_NV12, 34, 50, u32::MAX)).1[0].1 == 48);
    }

    #[test]
    fn what_cannot_be_is_brought_into_range() {
        let formats = set(0, 0, u32::MAX, 0);
        assert_eq!(formats.output.pixelformat, v4l2::V4L2_PIX_FMT_NV12M);
        assert_eq!(formats.output.width, 16);
        assert_eq!(formats.output.height, 1088);
        assert_eq!(even(17, 16, 1920), 18);
        let packed = Capabilities {
            formats: 1 << SourceFormat::Yuyv.number(),
            ..GEN1
        };
        assert!(Raw::find(v4l2::V4L2_PIX_FMT_NV12, &packed).is_none());
        assert_eq!(
            Formats::new(&packed).output.pixelformat,
            v4l2::V4L2_PIX_FMT_YUYV
        );
    }

    #[test]
    fn coded_buffers_hold_any_picture_unless_smaller_ones_are_wanted() {
        let formats = set(v4l2::V4L2_PIX_FMT_NV12, 1920, 1080, 0);
        let needed = 120 * 68 * 400 + 4096;
        assert!(formats.try_capture(0).planes[0].sizeimage == needed);
        assert!(formats.try_capture(1).planes[0].sizeimage == 4096);
        assert!(formats.try_capture(100_000).planes[0].sizeimage == 100_000);
        let mut formats = set(v4l2::V4L2_PIX_FMT_NV12, 640, 480, 0);
        assert!(formats.coded_size() == 484_096);
        for (asked, before, after) in [
            (1, 4096, 3_268_096),
            (100_000, 100_000, 3_268_096),
            // As it was read.
            (484_096, 484_096, 3_268_096),
            (4 << 20, 4 << 20, 4 << 20),
        ] {
            formats.set_capture(asked);
            assert!(formats.coded_size() == before);
            let output = formats.output;
            let large = wanted(v4l2::V4L2_PIX_FMT_NV12, 1920, 1080, 0);
            formats.set_output(formats.try_output(large, &GEN1), true);
            assert!(formats.coded_size() == after);
            formats.set_output(output, true);
            assert!(formats.coded_size() == before);
        }
        assert!(formats.try_capture(4 << 20).planes[0].sizeimage == 4 << 20);
        assert!(formats.try_capture(u32::MAX).planes[0].sizeimage == 64 << 20);
    }

    #[test]
    fn small_coded_buffers_are_for_pictures_no_larger_than_at_the_time() {
        let mut formats = set(v4l2::V4L2_PIX_FMT_NV12, 640, 480, 0);
        let part = |width, height| Rect {
            width,
            height,
            ..Rect::default()
        };
        formats.crop = part(176, 144);
        formats.set_capture(20_000);
        for (width, height, size) in [
            (640, 480, 484_096),
            (176, 144, 20_000),
            (144, 176, 20_000),
            (16, 16, 20_000),
            (192, 144, 47_296),
        ] {
            formats.crop = part(width, height);
            assert!(formats.coded_size() == size);
        }
    }

    #[test]
    fn cropping_stays_in_the_picture() {
        let formats = set(v4l2::V4L2_PIX_FMT_NV12, 640, 480, 0);
        let crop = |left, top, width, height| {
            let wanted = Rect {
                left,
                top,
                width,
                height,
            };
            formats.try_crop(&wanted, FREE).unwrap_or_default()
        };
        assert!(crop(0, 0, 639, 479) == formats.bounds());
        assert!(
            crop(-5, 3, 100, 50)
                == Rect {
                    left: 0,
                    top: 2,
                    width: 100,
                    height: 50
                }
        );
        assert!(
            crop(600, 470, 100, 50)
                == Rect {
                    left: 540,
                    top: 430,
                    width: 100,
                    height: 50
                }
        );
        assert!(
            crop(i32::MAX, 0, 0, u32::MAX)
                == Rect {
                    left: 624,
                    top: 0,
                    width: 16,
                    height: 480
                }
        );
    }

    #[test]
    fn planes_begin_where_the_crop_rectangle_does() {
        let mut formats = set(v4l2::V4L2_PIX_FMT_YUV420, 640, 480, 0);
        formats.crop = Rect {
            left: 10,
            top: 4,
            width: 100,
            height: 50,
        };
        let source = formats.source(&GEN1, |_| Ok(0x1000));
        assert!(source.is_ok_and(|source| {
            let luma = 640 * 480;
            let chroma = 320 * 240;
            (source.width, source.height) == (100, 50)
                && source.planes[0].address == 0x1000 + 4 * 640 + 10
                && source.planes[1].address == 0x1000 + luma + 2 * 320 + 5
                && source.planes[2].address == 0x1000 + luma + chroma + 2 * 320 + 5
                && source.planes[2].stride == 320
        }));
        assert!(formats.source(&GEN1, |_| Ok(u64::MAX)).is_err());
        assert!(formats.source(&GEN1, |_| Err(EINVAL)).is_err());
    }

    #[test]
    fn intervals_are_ones_that_headers_can_say() {
        let valid = |numerator, denominator| {
            let interval = valid_interval(Fraction {
                numerator,
                denominator,
            });
            (interval.numerator, interval.denominator)
        };
        assert!(valid(1001, 30000) == (1001, 30000));
        assert!(valid(0, 30) == (1, 25));
        assert!(valid(1, 0) == (1, 25));
        assert!(valid(4, u32::MAX) == (2, u32::MAX / 2));
        assert!(valid(1, u32::MAX) == (1, 25));
    }
}
