// SPDX-License-Identifier: GPL-2.0

//! What the driver says about a coded picture, and a file with a line of JSON
//! for each.

use crate::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        controls,
        device::Device,
        sys::{
            control::{
                self,
                ExtControl,
                Which, //
            },
            Plain,
        },
        uapi::*,
    },
};
use serde::Serialize;
use std::{
    fs::File,
    io::{
        BufWriter,
        Write, //
    },
    os::fd::AsFd,
    path::{
        Path,
        PathBuf, //
    },
};

/// The coded picture buffer after a picture, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpb {
    /// What is coded and not yet sent.
    pub fill: u64,
    /// Its size.
    pub bits: u64,
    /// By how much the picture exceeds it.
    pub violation: u64,
}

/// The driver's statistics of one picture.
#[derive(Clone, Copy)]
pub struct Stats(v4l2_ctrl_stateless_enc_stats);

impl Stats {
    /// Whether a driver has them.
    pub fn supported(device: &Device) -> bool {
        let size = size_of::<v4l2_ctrl_stateless_enc_stats>() as u32;
        controls::find(device, V4L2_CID_STATELESS_ENC_STATS)
            .is_some_and(|control| control.size == Some(size))
    }

    /// Those of a completed request, or of the buffer taken back last.
    pub fn read(device: &Device, which: Which<'_>) -> Result<Self> {
        let mut stats = v4l2_ctrl_stateless_enc_stats::zeroed();
        let mut controls = [ExtControl::compound(
            V4L2_CID_STATELESS_ENC_STATS,
            &mut stats,
        )];
        control::get(device.as_fd(), which, &mut controls)
            .map_err(|err| Error::new(format!("reading the statistics: {}", err.source)))?;
        Ok(Self(stats))
    }

    fn valid<T>(&self, bit: u32, value: T) -> Option<T> {
        (self.0.valid & bit != 0).then_some(value)
    }

    /// Sum of squared errors of the luma samples, where the hardware counts it.
    pub fn luma_sse(&self) -> Option<u64> {
        self.valid(V4L2_STATELESS_ENC_STATS_VALID_SSE, self.0.sse[0])
    }

    /// Mean QP of the macroblocks.
    pub fn qp(&self) -> Option<f64> {
        self.valid(
            V4L2_STATELESS_ENC_STATS_VALID_QP_MEAN,
            f64::from(self.0.qp_mean) / 256.0,
        )
    }

    /// The size that the rate control aimed at, if it did.
    pub fn target_bits(&self) -> Option<u64> {
        self.valid(
            V4L2_STATELESS_ENC_STATS_VALID_TARGET_BITS,
            self.0.target_bits,
        )
    }

    /// What the coded picture buffer holds, what it can hold, and by how much the picture
    /// exceeds it.
    pub fn cpb(&self) -> Option<Cpb> {
        self.valid(
            V4L2_STATELESS_ENC_STATS_VALID_CPB,
            Cpb {
                fill: self.0.cpb_fill,
                bits: self.0.cpb_bits,
                violation: self.0.violation_bits,
            },
        )
    }

    /// The picture repeats its reference.
    pub fn skipped(&self) -> bool {
        self.0.flags & V4L2_STATELESS_ENC_STATS_FLAG_SKIPPED != 0
    }

    /// What a BPF program had to do with the picture, where one was asked or was ejected.
    pub fn program(&self) -> Option<Program> {
        [
            (
                V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM_EJECTED,
                Program::Ejected,
            ),
            (
                V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM_FAILED,
                Program::Failed,
            ),
            (
                V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM_CLAMPED,
                Program::Clamped,
            ),
            (V4L2_STATELESS_ENC_STATS_FLAG_PROGRAM, Program::Asked),
        ]
        .into_iter()
        .find_map(|(flag, program)| (self.0.flags & flag != 0).then_some(program))
    }

    /// A record of the picture with this number and coded size.
    pub fn record(&self, frame: u64, bytes: usize) -> Record {
        let s = &self.0;
        Record {
            frame,
            bytes,
            sequence: s.sequence,
            slice_type: self.valid(V4L2_STATELESS_ENC_STATS_VALID_PARAMS, slice(s.slice_type)),
            idr: s.flags & V4L2_STATELESS_ENC_STATS_FLAG_IDR != 0,
            skipped: self.skipped(),
            program: self.program(),
            nal_ref_idc: self.valid(V4L2_STATELESS_ENC_STATS_VALID_PARAMS, s.nal_ref_idc),
            frame_num: self.valid(V4L2_STATELESS_ENC_STATS_VALID_PARAMS, s.frame_num),
            idr_pic_id: self.valid(V4L2_STATELESS_ENC_STATS_VALID_PARAMS, s.idr_pic_id),
            pic_order_cnt_lsb: self
                .valid(V4L2_STATELESS_ENC_STATS_VALID_PARAMS, s.pic_order_cnt_lsb),
            qp_requested: self.valid(V4L2_STATELESS_ENC_STATS_VALID_QP_REQUESTED, s.qp_requested),
            qp_mean: self.valid(
                V4L2_STATELESS_ENC_STATS_VALID_QP_MEAN,
                f64::from(s.qp_mean) / 256.0,
            ),
            qp_min: self.valid(V4L2_STATELESS_ENC_STATS_VALID_QP_RANGE, s.qp_min),
            qp_max: self.valid(V4L2_STATELESS_ENC_STATS_VALID_QP_RANGE, s.qp_max),
            header_bits: self.valid(V4L2_STATELESS_ENC_STATS_VALID_HEADER_BITS, s.header_bits),
            target_bits: self.valid(V4L2_STATELESS_ENC_STATS_VALID_TARGET_BITS, s.target_bits),
            intra_mbs: self.valid(V4L2_STATELESS_ENC_STATS_VALID_INTRA_MBS, s.intra_mbs),
            skip_mbs: self.valid(V4L2_STATELESS_ENC_STATS_VALID_SKIP_MBS, s.skip_mbs),
            pcm_mbs: self.valid(V4L2_STATELESS_ENC_STATS_VALID_PCM_MBS, s.pcm_mbs),
            nonzero: self.valid(V4L2_STATELESS_ENC_STATS_VALID_NONZERO, s.nonzero),
            sad: self.valid(V4L2_STATELESS_ENC_STATS_VALID_SAD, s.sad),
            mad: self.valid(V4L2_STATELESS_ENC_STATS_VALID_MAD, s.mad),
            sse: self.valid(V4L2_STATELESS_ENC_STATS_VALID_SSE, s.sse),
            predicted_bits: self.valid(
                V4L2_STATELESS_ENC_STATS_VALID_PREDICTED_BITS,
                s.predicted_bits,
            ),
            max_bits: self.valid(V4L2_STATELESS_ENC_STATS_VALID_MAX_BITS, s.max_bits),
            cpb_fill: self.valid(V4L2_STATELESS_ENC_STATS_VALID_CPB, s.cpb_fill),
            cpb_bits: self.valid(V4L2_STATELESS_ENC_STATS_VALID_CPB, s.cpb_bits),
            violation_bits: self.valid(V4L2_STATELESS_ENC_STATS_VALID_CPB, s.violation_bits),
            filler_bytes: self.valid(V4L2_STATELESS_ENC_STATS_VALID_FILLER, s.filler_bytes),
            forced_skip_mbs: self.valid(
                V4L2_STATELESS_ENC_STATS_VALID_FORCED_SKIPS,
                s.forced_skip_mbs,
            ),
        }
    }
}

/// What a BPF program had to do with a picture: the worst of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// It was asked.
    Asked,
    /// Some of what it wanted is not allowed.
    Clamped,
    /// It gave an error, or took too long.
    Failed,
    /// For that, it is not asked any more.
    Ejected,
}

/// A line of the statistics file. Fields the hardware does not give are left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names are those of the kernel's structure")]
pub struct Record {
    pub frame: u64,
    pub bytes: usize,
    pub sequence: u32,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub slice_type: Option<char>,
    pub idr: bool,
    pub skipped: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nal_ref_idc: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_num: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idr_pic_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pic_order_cnt_lsb: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qp_requested: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qp_mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qp_min: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qp_max: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_bits: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_bits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intra_mbs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_mbs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pcm_mbs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonzero: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sad: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mad: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sse: Option<[u64; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_bits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpb_fill: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpb_bits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub violation_bits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filler_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forced_skip_mbs: Option<u32>,
}

fn slice(kind: u8) -> char {
    match u32::from(kind) {
        V4L2_H264_SLICE_TYPE_P => 'P',
        V4L2_H264_SLICE_TYPE_B => 'B',
        V4L2_H264_SLICE_TYPE_I => 'I',
        _ => '?',
    }
}

/// A file with a record a line.
#[derive(Debug)]
pub struct StatsFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl StatsFile {
    /// Opens the file to write.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path)
            .map_err(|err| Error::new(format!("cannot write {}: {err}", path.display())))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
        })
    }

    /// Adds a line.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let what = || format!("writing {}", self.path.display());
        serde_json::to_writer(&mut self.file, record).context(what())?;
        self.file.write_all(b"\n").context(what())
    }

    /// Completes the file.
    pub fn finish(mut self) -> Result<()> {
        self.file
            .flush()
            .context(format!("writing {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_fields_are_written() {
        let stats = Stats(v4l2_ctrl_stateless_enc_stats {
            valid: V4L2_STATELESS_ENC_STATS_VALID_PARAMS | V4L2_STATELESS_ENC_STATS_VALID_QP_MEAN,
            flags: V4L2_STATELESS_ENC_STATS_FLAG_IDR,
            slice_type: 2,
            nal_ref_idc: 3,
            qp_mean: 26 * 256 + 128,
            sse: [5; 3],
            ..Plain::zeroed()
        });
        let line = serde_json::to_string(&stats.record(7, 100)).unwrap();
        assert_eq!(
            line,
            r#"{"frame":7,"bytes":100,"sequence":0,"type":"I","idr":true,"skipped":false,"nal_ref_idc":3,"frame_num":0,"idr_pic_id":0,"pic_order_cnt_lsb":0,"qp_mean":26.5}"#
        );
        assert_eq!(stats.luma_sse(), None);
    }

    #[test]
    fn a_file_has_a_line_for_each() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stats.jsonl");
        let mut file = StatsFile::create(&path).unwrap();
        let stats = Stats(Plain::zeroed());
        for frame in 0..3 {
            file.write(&stats.record(frame, 1)).unwrap();
        }
        file.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3);
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["bytes"], 1);
        }
    }
}
