// SPDX-License-Identifier: GPL-2.0

//! Initialization: cropping and the frame interval.

use super::{
    encoder::{
        Encoder,
        Target,
        SIZE, //
    },
    expect::{
        ensure,
        equal,
        refused,
        Outcome, //
    },
    Test,
};
use crate::{
    error::Context,
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        sys::{
            selection::{
                self,
                Rect, //
            },
            video,
        },
        uapi::*,
    },
};
use rustix::io::Errno;
use std::os::fd::AsFd;

pub(super) const TESTS: &[Test] = &[
    ("ENC-INIT-9", rectangles),
    ("ENC-INIT-10", adjusted),
    ("ENC-INIT-11", constraints),
    ("ENC-INIT-12", interval),
    ("ENC-INIT-13", no_interval),
];

const CROP: u32 = V4L2_SEL_TGT_CROP;

/// A rectangle in the upper left corner.
pub(super) fn corner((width, height): (u32, u32)) -> Rect {
    Rect {
        left: 0,
        top: 0,
        width,
        height,
    }
}

/// About half of a size: even, and not below the smallest.
pub(super) fn half(encoder: &Encoder, size: (u32, u32)) -> Outcome<(u32, u32)> {
    let range = encoder.sizes(encoder.raw_format()?)?;
    let half = |length: u32, min: u32| ((length / 2).max(min).min(length)) & !1;
    Ok((half(size.0, range.width.0), half(size.1, range.height.0)))
}

fn get(encoder: &Encoder, target: u32) -> Outcome<Rect> {
    Ok(selection::get(encoder.video.as_fd(), OUTPUT, target).context("VIDIOC_G_SELECTION")?)
}

fn rectangles(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let check = |when: &str| -> Outcome {
        let format = encoder.format(OUTPUT)?;
        let whole = corner((format.width(), format.height()));
        for target in [V4L2_SEL_TGT_CROP_BOUNDS, V4L2_SEL_TGT_CROP_DEFAULT, CROP] {
            let got = get(&encoder, target)?;
            equal(&format!("rectangle {target:#x} {when}"), got, whole)?;
        }
        Ok(())
    };
    check("after opening")?;
    let size = encoder.size_near(SIZE)?;
    encoder.set_size(size)?;
    check("after VIDIOC_S_FMT")?;
    let part = corner(half(&encoder, size)?);
    selection::set(encoder.video.as_fd(), OUTPUT, CROP, part, 0).context("VIDIOC_S_SELECTION")?;
    let bounds = get(&encoder, V4L2_SEL_TGT_CROP_BOUNDS)?;
    equal("the bounds of a cropped source", bounds, corner(size))?;
    encoder.set_size(encoder.size_near((320, 240))?)?;
    check("after VIDIOC_S_FMT of another size")
}

fn adjusted(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let fd = encoder.video.as_fd();
    let size = encoder.size_near(SIZE)?;
    encoder.set_size(size)?;
    for part in [corner(half(&encoder, size)?), corner(size)] {
        let set = selection::set(fd, OUTPUT, CROP, part, 0).context("VIDIOC_S_SELECTION")?;
        equal("the rectangle set", set, part)?;
        equal("the rectangle read", get(&encoder, CROP)?, part)?;
    }
    for wish in [
        Rect {
            left: -9,
            top: 5000,
            width: 1_000_000,
            height: 3,
        },
        Rect {
            left: 33,
            top: 17,
            width: 99,
            height: 0,
        },
    ] {
        let set = selection::set(fd, OUTPUT, CROP, wish, 0).context("VIDIOC_S_SELECTION")?;
        let inside = |at: i32, length: u32, all: u32| {
            at >= 0 && length > 0 && i64::from(at) + i64::from(length) <= i64::from(all)
        };
        ensure!(
            inside(set.left, set.width, size.0) && inside(set.top, set.height, size.1),
            "{wish:?} becomes {set:?}, which is not within {size:?}"
        );
        equal("the rectangle read", get(&encoder, CROP)?, set)?;
    }
    nearest(&encoder, size)
}

/// The even rectangles are not farther than a sample from what was asked for, where
/// there are some, and at the limits where there are none.
fn nearest(encoder: &Encoder, size: (u32, u32)) -> Outcome {
    let fd = encoder.video.as_fd();
    let set = |wish| selection::set(fd, OUTPUT, CROP, wish, 0).context("VIDIOC_S_SELECTION");
    let (width, height) = half(encoder, size)?;
    let near = |wish: Rect| -> Outcome {
        let now = set(wish)?;
        let wanted = [wish.width, wish.height].map(i64::from);
        let wanted = [wish.left.into(), wish.top.into(), wanted[0], wanted[1]];
        let got = [now.width, now.height].map(i64::from);
        let got = [now.left.into(), now.top.into(), got[0], got[1]];
        let away = wanted.iter().zip(got).map(|(a, b)| (a - b).abs());
        ensure!(
            away.max() <= Some(1),
            "{wish:?} becomes {now:?}, and there is a nearer one"
        );
        Ok(())
    };
    for (more_width, more_height) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        near(corner((width + more_width, height + more_height)))?;
    }
    // Larger and smaller than any: the largest, and the smallest.
    let range = encoder.sizes(encoder.raw_format()?)?;
    let least = |(min, ..): (u32, u32, u32)| min.next_multiple_of(2);
    let smallest = (least(range.width), least(range.height));
    for (wish, wanted) in [
        ((1_000_000, 1_000_000), size),
        ((1, 1), smallest),
        ((0, 0), smallest),
        ((1_000_000, 1), (size.0, smallest.1)),
        ((1, height), (smallest.0, height)),
    ] {
        // A driver may crop to less than its smallest source.
        let now = set(corner(wish))?;
        ensure!(
            lies_in(&now, &corner(wanted))
                && (wish.0 < smallest.0 || now.width == wanted.0)
                && (wish.1 < smallest.1 || now.height == wanted.1),
            "{wish:?} in the upper left corner becomes {now:?}"
        );
    }
    // Only if the encoder can begin elsewhere than in the corner.
    let at = |left, top| Rect {
        left,
        top,
        width,
        height,
    };
    if size.0 >= width + 4 && size.1 >= height + 4 && set(at(2, 2))? == at(2, 2) {
        for (left, top) in [(3, 2), (2, 3), (1, 1), (-1, 0)] {
            near(at(left, top))?;
        }
        let (left, top) = ((size.0 - width) as i32, (size.1 - height) as i32);
        let what = "the rectangle set for one beyond the lower right corner";
        equal(what, set(at(9999, 9999))?, at(left, top))?;
    }
    Ok(())
}

/// Whether one rectangle lies in another.
fn lies_in(inner: &Rect, outer: &Rect) -> bool {
    let within = |inner: (i32, u32), outer: (i32, u32)| {
        let end = |(at, length): (i32, u32)| i64::from(at) + i64::from(length);
        outer.0 <= inner.0 && end(inner) <= end(outer)
    };
    within((inner.left, inner.width), (outer.left, outer.width))
        && within((inner.top, inner.height), (outer.top, outer.height))
}

fn constraints(target: &Target) -> Outcome {
    const GE: u32 = V4L2_SEL_FLAG_GE;
    const LE: u32 = V4L2_SEL_FLAG_LE;
    let encoder = Encoder::open(target)?;
    let fd = encoder.video.as_fd();
    let size = encoder.size_near(SIZE)?;
    encoder.set_size(size)?;
    let range = encoder.sizes(encoder.raw_format()?)?;
    let (width, height) = half(&encoder, size)?;
    let at = |left, top, width, height| Rect {
        left,
        top,
        width,
        height,
    };
    let set = |wish, flags| selection::set(fd, OUTPUT, CROP, wish, flags);
    // A rectangle from the upper left corner on always fits, or its even neighbour does.
    let (odd, even) = (corner((width + 1, height + 1)), corner((width, height)));
    for (wish, flags, smallest, largest) in [
        (odd, LE, even, odd),
        (odd, GE, odd, corner((width + 2, height + 2))),
        (even, LE, even, even),
        (even, GE, even, even),
        (even, GE | LE, even, even),
        (corner(size), GE, corner(size), corner(size)),
        // Only the upper left corner is there for sure, and this is in it.
        (
            at(1, 3, width, height),
            GE,
            at(1, 3, width, height),
            corner(size),
        ),
        (at(-8, -8, 4000, 4000), LE, corner(size), corner(size)),
    ] {
        let now = set(wish, flags).context(format!("{wish:?} with flags {flags:#x}"))?;
        ensure!(
            lies_in(&smallest, &now) && lies_in(&now, &largest),
            "{wish:?} with flags {flags:#x} becomes {now:?}"
        );
        equal("the rectangle read", get(&encoder, CROP)?, now)?;
    }
    // There is none, for any encoder.
    set(even, 0).context("VIDIOC_S_SELECTION")?;
    let mut none = vec![
        (corner((size.0 + 100, size.1)), GE),
        (corner((size.0, size.1 + 2)), GE | LE),
        (at(-2, 0, width, height), GE),
        (at(0, 2, size.0, size.1), GE),
    ];
    if range.width.0 > 1 {
        none.push((corner((range.width.0 - 1, height)), LE));
    }
    for (wish, flags) in none {
        let what = format!("{wish:?} with flags {flags:#x}");
        refused(&what, Errno::RANGE, set(wish, flags))?;
        equal("the rectangle", get(&encoder, CROP)?, even)?;
    }
    // Not every encoder crops at the left.
    let wish = at(33, 33, width, height);
    match set(wish, LE) {
        Ok(now) => ensure!(lies_in(&now, &wish), "{wish:?} with LE becomes {now:?}"),
        refusal => refused("VIDIOC_S_SELECTION", Errno::RANGE, refusal)?,
    }
    Ok(())
}

fn interval(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let fd = encoder.video.as_fd();
    for queue in [OUTPUT, CAPTURE] {
        let caps = video::parameter_capability(fd, queue).context("VIDIOC_G_PARM")?;
        ensure!(
            caps & V4L2_CAP_TIMEPERFRAME != 0,
            "VIDIOC_G_PARM has no V4L2_CAP_TIMEPERFRAME"
        );
    }
    for wanted in [(1, 24), (1, 30), (1001, 30000), (1, 60), (1, 25)] {
        let set = video::set_frame_interval(fd, OUTPUT, wanted).context("VIDIOC_S_PARM")?;
        equal("the interval set", set, wanted)?;
        for queue in [OUTPUT, CAPTURE] {
            let got = video::frame_interval(fd, queue).context("VIDIOC_G_PARM")?;
            equal("the interval read", got, wanted)?;
        }
    }
    Ok(())
}

fn no_interval(target: &Target) -> Outcome {
    let encoder = Encoder::open(target)?;
    let fd = encoder.video.as_fd();
    let check = |when: &str| -> Outcome {
        let got = video::frame_interval(fd, OUTPUT).context("VIDIOC_G_PARM")?;
        ensure!(got.0 > 0 && got.1 > 0, "the interval {when} is {got:?}");
        Ok(())
    };
    check("after opening")?;
    for wrong in [(0, 0), (0, 25), (1, 0)] {
        let set = video::set_frame_interval(fd, OUTPUT, wrong)
            .context(format!("VIDIOC_S_PARM of {wrong:?}"))?;
        ensure!(set.0 > 0 && set.1 > 0, "{wrong:?} becomes {set:?}");
        check("then")?;
    }
    Ok(())
}
