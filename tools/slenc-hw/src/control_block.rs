// SPDX-License-Identifier: GPL-2.0

//! The in-frame control block (`Documentation/slenc/hardware.rst`, *In-frame control*).

use slenc_engine::{
    Checkpoint,
    Correction,
    InFrame,
    MAX_CHECKPOINTS, //
};

use crate::descriptor::{
    require,
    BadField,
    Job, //
};
use crate::generation::Generation;
use crate::le::{
    u16_at,
    u32_at, //
};

/// Bytes of a block.
pub const CONTROL_SIZE: usize = 0x98;

/// Set in error_info when the offset is one in the control block.
const IN_CONTROL_BLOCK: u32 = 1 << 30;

/// Offsets of the fields.
mod field {
    pub(super) const FLAGS: usize = 0x00;
    pub(super) const QP_MIN: usize = 0x04;
    pub(super) const QP_MAX: usize = 0x05;
    pub(super) const MAX_STEP: usize = 0x06;
    pub(super) const CHECKPOINT_COUNT: usize = 0x07;
    pub(super) const GAIN: usize = 0x08;
    pub(super) const RESERVED_0A: usize = 0x0a;
    pub(super) const TARGET_BITS: usize = 0x0c;
    pub(super) const MAX_BITS: usize = 0x10;
    pub(super) const RESERVED_14: usize = 0x14;
    pub(super) const CHECKPOINTS: usize = 0x18;
}

const CHECKPOINT_BYTES: usize = 8;

const FLAG_ROWS: u32 = 1 << 0;
const FLAG_HARD_MAX: u32 = 1 << 1;

/// A checked block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlBlock {
    control: InFrame<'static>,
    checkpoints: Vec<Checkpoint>,
}

impl ControlBlock {
    /// Parses and checks the block of a job.
    ///
    /// # Errors
    ///
    /// The first field that is out of range, that contradicts one before it or the descriptor, or
    /// that is reserved and not zero.
    pub fn parse(
        generation: Generation,
        bytes: &[u8; CONTROL_SIZE],
        job: &Job,
    ) -> Result<Self, BadField> {
        parse(generation, bytes, job).map_err(|BadField(at)| BadField(at | IN_CONTROL_BLOCK))
    }

    /// What the engine takes.
    pub fn for_engine(&self) -> InFrame<'_> {
        InFrame {
            checkpoints: &self.checkpoints,
            ..self.control
        }
    }
}

fn parse(
    generation: Generation,
    bytes: &[u8; CONTROL_SIZE],
    job: &Job,
) -> Result<ControlBlock, BadField> {
    let flags = u32_at(bytes, field::FLAGS);
    // A generation corrects in its own way, and only the second has a maximum.
    let (needed, allowed, correction) = match generation {
        Generation::Gen1 => (0, 0, Correction::Checkpoints),
        Generation::Gen2 => (FLAG_ROWS, FLAG_HARD_MAX, Correction::Rows),
    };
    require(flags & !allowed == needed, field::FLAGS)?;
    let (qp_min, qp_max) = (bytes[field::QP_MIN], bytes[field::QP_MAX]);
    require(qp_min <= job.qp, field::QP_MIN)?;
    require((job.qp..=51).contains(&qp_max), field::QP_MAX)?;
    let max_step = bytes[field::MAX_STEP];
    require((1..=51).contains(&max_step), field::MAX_STEP)?;
    let count = usize::from(bytes[field::CHECKPOINT_COUNT]);
    require(count <= MAX_CHECKPOINTS, field::CHECKPOINT_COUNT)?;
    let gain = u16_at(bytes, field::GAIN);
    require(gain <= 256, field::GAIN)?;
    require(u16_at(bytes, field::RESERVED_0A) == 0, field::RESERVED_0A)?;
    let target_bits = u32_at(bytes, field::TARGET_BITS);
    require(u32_at(bytes, field::RESERVED_14) == 0, field::RESERVED_14)?;
    Ok(ControlBlock {
        control: InFrame {
            correction,
            checkpoints: &[],
            target_bits,
            qp_min,
            qp_max,
            max_step,
            gain,
            max_bits: u32_at(bytes, field::MAX_BITS),
            hard_max: flags & FLAG_HARD_MAX != 0,
        },
        checkpoints: checkpoints(bytes, count, target_bits, job)?,
    })
}

fn checkpoints(
    bytes: &[u8; CONTROL_SIZE],
    count: usize,
    target_bits: u32,
    job: &Job,
) -> Result<Vec<Checkpoint>, BadField> {
    let mut points = Vec::with_capacity(count);
    let mut before = Checkpoint::default();
    for i in 0..MAX_CHECKPOINTS {
        let at = field::CHECKPOINTS + i * CHECKPOINT_BYTES;
        let point = Checkpoint {
            row: u32_at(bytes, at),
            bits: u32_at(bytes, at + 4),
        };
        if i >= count {
            require(point.row == 0, at)?;
            require(point.bits == 0, at + 4)?;
            continue;
        }
        let rows = before.row + 1..job.size.height_mbs.into();
        require(rows.contains(&point.row), at)?;
        require((before.bits..=target_bits).contains(&point.bits), at + 4)?;
        points.push(point);
        before = point;
    }
    Ok(points)
}
