// SPDX-License-Identifier: GPL-2.0

//! What threads do to an encoder at the same time, again and again.

use super::Stage;
use crate::{
    encoder::{
        idr,
        predicted,
        Encoder,
        BUFFERS,
        SIZE, //
    },
    rig::STEP,
};
use slenc::{
    h264,
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        queue::is_error,
        request::Request,
        sys::{
            control::{
                self,
                ExtControl,
                Which, //
            },
            drain,
            video, //
        },
        uapi::*,
    },
};
use std::{
    os::fd::AsFd,
    thread,
    time::Duration, //
};

/// One turn of a thread.
pub(super) type Actor = fn(&Stage, &mut Chance);

/// A thread for each. Those that submit have the first three OUTPUT buffers, and the
/// one that drops requests has the last.
pub(super) const ACTORS: &[Actor] = &[
    |stage, chance| submit(stage, chance, 0),
    |stage, chance| submit(stage, chance, 1),
    |stage, chance| submit(stage, chance, 2),
    |stage, chance| drop_request(stage, chance, BUFFERS - 1),
    |stage, chance| stop_and_start(stage, chance, OUTPUT),
    |stage, chance| stop_and_start(stage, chance, CAPTURE),
    set_controls,
    command,
    file_of_its_own,
    file_of_its_own,
];

/// Numbers that look like chance, the same in each run (xorshift).
pub(super) struct Chance(u32);

impl Chance {
    /// Other numbers for each seed.
    pub(super) fn new(seed: u32) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9) | 1)
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % limit
    }

    fn pause(&mut self, below_us: u32) {
        thread::sleep(Duration::from_micros(self.below(below_us).into()));
    }
}

/// Takes back what is done.
fn dequeue(stage: &Stage) {
    for queue in [CAPTURE, OUTPUT] {
        let result = video::dequeue_buffer(stage.encoder.video.as_fd(), queue);
        if let Some(Some(buffer)) = stage.allow("DQBUF", result) {
            if queue == CAPTURE {
                stage.count(is_error(&buffer) || buffer.bytes_used.first() == Some(&0));
            }
        }
    }
}

/// Fills a request, and says whether its source is in it.
fn fill(stage: &Stage, chance: &mut Chance, request: &Request, index: u32) -> bool {
    let encoder = &stage.encoder;
    let params = match chance.below(3) {
        0 => predicted(),
        _ => idr(),
    };
    let set = encoder.set_params(request, &params);
    stage.allow("S_EXT_CTRLS of a request", set.map_err(|err| err.source));
    let queued = encoder.queue_source(index, index.into(), Some(request));
    stage.allow("QBUF OUTPUT", queued).is_some()
}

fn submit(stage: &Stage, chance: &mut Chance, index: u32) {
    let Some(request) = stage.requests.get(index as usize) else {
        return;
    };
    let fresh = stage.allow("REINIT", request.reinit()).is_some();
    if fresh && fill(stage, chance, request, index) {
        let coded = stage.encoder.queue_coded(chance.below(BUFFERS));
        stage.allow("QBUF CAPTURE", coded);
        stage.allow("REQUEST_IOC_QUEUE", request.queue());
    }
    let patience = Duration::from_millis(chance.below(30).into());
    // A request that is not queued has nothing to wait for.
    let _ = request.wait(patience);
    dequeue(stage);
    chance.pause(1000);
}

fn drop_request(stage: &Stage, chance: &mut Chance, index: u32) {
    let new = Request::new(stage.encoder.media.as_fd());
    if let Some(request) = stage.allow("REQUEST_ALLOC", new) {
        if fill(stage, chance, &request, index) && chance.below(2) == 0 {
            stage.allow("REQUEST_IOC_QUEUE", request.queue());
        }
        chance.pause(2000);
    }
}

fn stop_and_start(stage: &Stage, chance: &mut Chance, queue: u32) {
    let fd = stage.encoder.video.as_fd();
    chance.pause(40_000);
    stage.allow("STREAMOFF", video::stream_off(fd, queue));
    chance.pause(1000);
    stage.allow("STREAMON", video::stream_on(fd, queue));
}

fn set_controls(stage: &Stage, chance: &mut Chance) {
    let fd = stage.encoder.video.as_fd();
    let mut sps = h264::sps(SIZE.0, SIZE.1, (25, 1));
    let mut pps = h264::pps();
    pps.pic_init_qp_minus26 = chance.below(8) as i8;
    sps.log2_max_frame_num_minus4 = chance.below(3) as u8;
    let set = control::set(
        fd,
        Which::Current,
        &mut [
            // Where it is on, and the hardware can, sources are measured before they are coded.
            ExtControl::int(V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, chance.below(2) as i32),
            ExtControl::int(V4L2_CID_STATELESS_ENC_FRAME_QP, chance.below(53) as i32 - 1),
            ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps),
            ExtControl::compound(V4L2_CID_STATELESS_H264_PPS, &mut pps),
        ],
    );
    stage.allow("S_EXT_CTRLS", set.map_err(|err| err.source));
    let got = control::get(
        fd,
        Which::Current,
        &mut [ExtControl::compound(V4L2_CID_STATELESS_H264_SPS, &mut sps)],
    );
    stage.allow("G_EXT_CTRLS", got.map_err(|err| err.source));
    chance.pause(3000);
}

fn command(stage: &Stage, chance: &mut Chance) {
    let fd = stage.encoder.video.as_fd();
    chance.pause(60_000);
    for cmd in [V4L2_ENC_CMD_STOP, V4L2_ENC_CMD_START] {
        stage.allow("ENCODER_CMD", drain::encoder_command(fd, cmd, 0));
        chance.pause(5000);
    }
    stage.allow("DQEVENT", drain::dequeue_event(fd));
}

/// Opens a file, and closes it while its picture is coded.
fn file_of_its_own(stage: &Stage, chance: &mut Chance) {
    let submitted = Encoder::streaming().and_then(|encoder| {
        let request = encoder.request()?;
        encoder.submit(&request, 0, &idr())?;
        Ok((encoder, request))
    });
    match submitted {
        Ok((encoder, request)) => {
            chance.pause(4000);
            if chance.below(2) == 0 {
                drop(encoder);
                if !stage.unbinds && !request.wait(STEP).unwrap_or(false) {
                    stage.complain("a request is not completed when its file is closed".into());
                }
            } else {
                drop(request);
                drop(encoder);
            }
        }
        Err(err) if !stage.unbinds => stage.complain(format!("a file of its own: {err}")),
        Err(_) => {}
    }
    chance.pause(5000);
}
