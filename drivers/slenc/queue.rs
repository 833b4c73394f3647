// SPDX-License-Identifier: GPL-2.0

//! The queues: memory that formats need, and the beginning and end of a stream.

use crate::{
    context::Encoder,
    settings,
    uapi::Stats, //
};
use kernel::prelude::*;
use media::{
    m2m::Context,
    rate_control::Caps,
    videobuf2::{
        self,
        Direction,
        PlaneSizes, //
    }, //
};

#[vtable]
impl videobuf2::Operations for Encoder {
    fn queue_setup(context: &Context<Self>, direction: Direction) -> PlaneSizes {
        let format = context.formats.lock().get(direction);
        PlaneSizes::new(format.used_planes().iter().map(|plane| plane.sizeimage))
    }

    fn start_streaming(context: &Context<Self>, direction: Direction) -> Result {
        if direction == Direction::Output {
            return Ok(());
        }
        let size_mbs = context.formats.lock().size_mbs();
        let (frames, slice_mbs) = {
            let values = context.controls().lock();
            let stream = context.stream.lock();
            (
                settings::reference_frames(&values, &stream.wishes)?,
                settings::max_slice_mbs(&values)?,
            )
        };
        let capabilities = context.device().capabilities();
        let caps = Caps {
            macroblocks: u32::from(size_mbs.0) * u32::from(size_mbs.1),
            post_skip: capabilities.all_skip,
            filler: true,
            hard_max: capabilities.hard_max,
            checkpoints: capabilities.checkpoints.into(),
            intra_floor_q8: capabilities.intra_floor_q8(size_mbs, slice_mbs),
            skip_bits: capabilities.skip_bits(size_mbs, slice_mbs),
        };
        context
            .stream
            .lock()
            .start(context.device(), frames, size_mbs, &caps)
    }

    fn stop_streaming(context: &Context<Self>, direction: Direction) {
        if direction == Direction::Capture {
            context.stream.lock().stop();
        }
    }

    fn buf_finish(context: &Context<Self>, data: &Stats) {
        *context.dequeued.lock() = *data;
    }
}
