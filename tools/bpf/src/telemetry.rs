// SPDX-License-Identifier: GPL-2.0

//! What a program sends of a picture: `include/telemetry.h`.

/// A picture that is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) session: u64,
    pub(crate) cgroup: u64,
    pub(crate) number: u64,
    pub(crate) time_ns: u64,
    pub(crate) bytes: u64,
    pub(crate) coded_bytes: u64,
    pub(crate) target_bits: u64,
    pub(crate) predicted_bits: u64,
    pub(crate) cpb_fill: u64,
    pub(crate) cpb_bits: u64,
    pub(crate) delay_ns: u64,
    pub(crate) violation_bits: u64,
    pub(crate) bitrate: u64,
    pub(crate) debt: i64,
    /// Pictures of all sessions that were lost before this one.
    pub(crate) lost: u64,
    pub(crate) frame_type: u32,
    pub(crate) action: u32,
    pub(crate) verdict: u32,
    pub(crate) layer: u32,
    pub(crate) qp: i32,
    pub(crate) builtin_qp: i32,
    /// Times 256, where the hardware counts it.
    pub(crate) mean_qp_q8: Option<i32>,
}

/// The bit of `valid` for the mean QP.
const MEAN_QP: u32 = 1;

/// Takes numbers off a record, in the order in which they are in it.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_ne_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_ne_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_ne_bytes)
    }
}

impl Picture {
    /// Size of a record.
    pub(crate) const SIZE: usize = 15 * 8 + 8 * 4;

    /// From a record.
    pub(crate) fn parse(record: &[u8]) -> Option<Self> {
        if record.len() != Self::SIZE {
            return None;
        }
        let mut r = Reader(record);
        let picture = Self {
            session: r.u64()?,
            cgroup: r.u64()?,
            number: r.u64()?,
            time_ns: r.u64()?,
            bytes: r.u64()?,
            coded_bytes: r.u64()?,
            target_bits: r.u64()?,
            predicted_bits: r.u64()?,
            cpb_fill: r.u64()?,
            cpb_bits: r.u64()?,
            delay_ns: r.u64()?,
            violation_bits: r.u64()?,
            bitrate: r.u64()?,
            debt: i64::from_ne_bytes(r.take()?),
            lost: r.u64()?,
            frame_type: r.u32()?,
            action: r.u32()?,
            verdict: r.u32()?,
            layer: r.u32()?,
            qp: r.i32()?,
            builtin_qp: r.i32()?,
            mean_qp_q8: None,
        };
        let mean_qp_q8 = r.i32()?;
        let valid = r.u32()?;
        Some(Self {
            mean_qp_q8: (valid & MEAN_QP != 0).then_some(mean_qp_q8),
            ..picture
        })
    }

    /// The mean QP of the macroblocks, where the hardware counts it.
    pub(crate) fn mean_qp(&self) -> Option<f64> {
        self.mean_qp_q8.map(|q8| f64::from(q8) / 256.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_in_order() {
        let mut record = Vec::new();
        for n in 1..=13u64 {
            record.extend(n.to_ne_bytes());
        }
        record.extend((-14i64).to_ne_bytes());
        record.extend(15u64.to_ne_bytes());
        for n in 16..=23u32 {
            record.extend(n.to_ne_bytes());
        }
        let picture = Picture::parse(&record).unwrap();
        assert_eq!(
            (picture.session, picture.bitrate, picture.debt),
            (1, 13, -14)
        );
        assert_eq!((picture.lost, picture.frame_type), (15, 16));
        assert_eq!(picture.builtin_qp, 21);
        // Of `valid`, the bit of the mean QP.
        let last = record.len() - 4;
        record[last..].copy_from_slice(&2u32.to_ne_bytes());
        assert_eq!(Picture::parse(&record).unwrap().mean_qp_q8, None);
        record[last..].copy_from_slice(&1u32.to_ne_bytes());
        assert_eq!(Picture::parse(&record).unwrap().mean_qp_q8, Some(22));
        assert_eq!(Picture::parse(&record[1..]), None);
    }
}
