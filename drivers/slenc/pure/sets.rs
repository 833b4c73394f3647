// SPDX-License-Identifier: GPL-2.0

//! Which parameter sets decoders have, and which are due: those that are not as they were written
//! last.

use super::{
    adapt::Stream,
    bits::BitWriter,
    headers,
    params::{Invalid, Pps, Sps},
};

/// Sequence parameter sets that there can be, H.264 clause 7.4.2.1.1.
pub const MAX_SPS: usize = 32;
/// Picture parameter sets that there can be, H.264 clause 7.4.2.2.
pub const MAX_PPS: usize = 256;

/// An SPS as it is written: its NAL unit says everything, VUI and cropping included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    bytes: [u8; Self::BYTES],
    id: u8,
}

impl Written {
    /// More than there is to write: a dozen Exp-Golomb codes of at most 33 bits, a VUI of 250,
    /// and an HRD of 160 in it.
    const BYTES: usize = 128;

    /// Writes an SPS that was adapted to `stream`.
    pub fn new(sps: &Sps, stream: &Stream) -> Result<Self, Invalid> {
        let mut bytes = [0; Self::BYTES];
        let mut w = BitWriter::new(&mut bytes);
        headers::write_sps(&mut w, sps, stream)?;
        w.finish().map_err(|_| Invalid("sps"))?;
        Ok(Self {
            bytes,
            id: sps.seq_parameter_set_id,
        })
    }
}

/// What a picture has to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Slices only.
    Nothing,
    /// Its PPS.
    Pps,
    /// The SPS and its PPS.
    Both,
}

/// The parameter sets that were written, by their ids, in memory of the caller's: [`MAX_SPS`] and
/// [`MAX_PPS`] places, all free at first.
pub struct Sets<'a> {
    /// Sequence parameter sets.
    pub sps: &'a mut [Option<Written>],
    /// Picture parameter sets.
    pub pps: &'a mut [Option<Pps>],
}

impl Sets<'_> {
    /// What is due with a picture. With an IDR picture the SPS comes as well, when it is another
    /// than the last one of its id, or when it comes with all of them (`always`).
    ///
    /// A PPS comes with its SPS: decoders forget those of an SPS that changes.
    pub fn due(&self, idr: Option<&Written>, pps: &Pps, always: bool) -> Due {
        let is_written = |sps: &&Written| {
            let last = self.sps.get(usize::from(sps.id));
            last.is_some_and(|last| last.as_ref() == Some(*sps))
        };
        if idr.is_some_and(|sps| always || !is_written(&sps)) {
            return Due::Both;
        }
        let last = self.pps.get(usize::from(pps.pic_parameter_set_id));
        if last.is_some_and(|last| last.as_ref() == Some(pps)) {
            Due::Nothing
        } else {
            Due::Pps
        }
    }

    /// A picture has brought what was due.
    pub fn written(&mut self, idr: Option<&Written>, pps: &Pps, due: Due) {
        if let (Due::Both, Some(sps)) = (due, idr) {
            if let Some(last) = self.sps.get_mut(usize::from(sps.id)) {
                if last.as_ref() != Some(sps) {
                    let of_sps = |pps: &Pps| pps.seq_parameter_set_id == sps.id;
                    for pps in self
                        .pps
                        .iter_mut()
                        .filter(|pps| pps.is_some_and(|p| of_sps(&p)))
                    {
                        *pps = None;
                    }
                }
                *last = Some(*sps);
            }
        }
        if due != Due::Nothing {
            if let Some(last) = self.pps.get_mut(usize::from(pps.pic_parameter_set_id)) {
                *last = Some(*pps);
            }
        }
    }

    /// A new stream: decoders may have nothing.
    pub fn clear(&mut self) {
        self.sps.fill(None);
        self.pps.fill(None);
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_sets))]
mod tests {
    use super::super::hrd::Hrd;
    use super::*;

    const STREAM: Stream = Stream {
        width: 176,
        height: 144,
        width_mbs: 11,
        height_mbs: 9,
        interval: Some((1, 25)),
        sample_aspect_ratio: None,
        colour: None,
        hrd: None,
    };

    fn sps(id: u8, level_idc: u8) -> Option<Written> {
        let sps = Sps {
            seq_parameter_set_id: id,
            level_idc,
            pic_width_in_mbs_minus1: 10,
            pic_height_in_map_units_minus1: 8,
            ..Sps::DEFAULT
        };
        Written::new(&sps, &STREAM).ok()
    }

    fn pps(id: u8, sps: u8, pic_init_qp_minus26: i8) -> Pps {
        Pps {
            pic_parameter_set_id: id,
            seq_parameter_set_id: sps,
            pic_init_qp_minus26,
            ..Pps::DEFAULT
        }
    }

    /// Runs a stream of pictures, and compares what each brings.
    fn check(pictures: &[(Option<Written>, Pps, bool, Due)]) {
        let mut sets = Sets {
            sps: &mut [None; 4],
            pps: &mut [None; 4],
        };
        for (idr, pps, always, wanted) in pictures {
            let due = sets.due(idr.as_ref(), pps, *always);
            assert!(due == *wanted);
            sets.written(idr.as_ref(), pps, due);
        }
        sets.clear();
        for (idr, pps, ..) in pictures.iter().take(1) {
            assert!(sets.due(idr.as_ref(), pps, false) == Due::Both);
        }
    }

    #[test]
    fn sets_come_when_they_change() {
        let (a, b) = (sps(0, 10), sps(0, 11));
        assert!(a.is_some() && b.is_some() && a != b);
        check(&[
            (a, pps(0, 0, 0), false, Due::Both),
            (None, pps(0, 0, 0), false, Due::Nothing),
            (a, pps(0, 0, 0), false, Due::Nothing),
            (a, pps(0, 0, 0), true, Due::Both),
            (None, pps(0, 0, 0), true, Due::Nothing),
            (None, pps(0, 0, 1), false, Due::Pps),
            (None, pps(0, 0, 1), false, Due::Nothing),
            (b, pps(0, 0, 1), false, Due::Both),
            (a, pps(0, 0, 1), false, Due::Both),
        ]);
    }

    #[test]
    fn each_id_has_its_own() {
        let (first, second) = (sps(0, 10), sps(3, 10));
        check(&[
            (first, pps(0, 0, 0), false, Due::Both),
            (None, pps(1, 0, 5), false, Due::Pps),
            // In turns.
            (None, pps(0, 0, 0), false, Due::Nothing),
            (None, pps(1, 0, 5), false, Due::Nothing),
            (second, pps(2, 3, 0), false, Due::Both),
            (first, pps(0, 0, 0), false, Due::Nothing),
            (second, pps(2, 3, 0), false, Due::Nothing),
            (first, pps(3, 0, 0), false, Due::Pps),
        ]);
    }

    #[test]
    fn an_sps_that_changes_takes_its_pps_with_it() {
        check(&[
            (sps(0, 10), pps(0, 0, 0), false, Due::Both),
            (sps(1, 10), pps(2, 1, 0), false, Due::Both),
            (sps(0, 10), pps(1, 0, 0), false, Due::Pps),
            (sps(0, 11), pps(0, 0, 0), false, Due::Both),
            (None, pps(1, 0, 0), false, Due::Pps),
            // One that comes again does not, nor does another.
            (sps(0, 11), pps(0, 0, 0), true, Due::Both),
            (None, pps(1, 0, 0), false, Due::Nothing),
            (sps(1, 10), pps(2, 1, 0), false, Due::Nothing),
        ]);
    }

    #[test]
    fn what_has_no_place_is_always_due() {
        check(&[
            (sps(31, 10), pps(200, 31, 0), false, Due::Both),
            (None, pps(200, 31, 0), false, Due::Pps),
            (sps(31, 10), pps(200, 31, 0), false, Due::Both),
        ]);
    }

    #[test]
    fn the_longest_sps_has_a_place() {
        let long = Sps {
            seq_parameter_set_id: 31,
            log2_max_frame_num_minus4: 12,
            pic_order_cnt_type: 0,
            log2_max_pic_order_cnt_lsb_minus4: 12,
            max_num_ref_frames: 255,
            pic_width_in_mbs_minus1: u16::MAX,
            pic_height_in_map_units_minus1: u16::MAX,
            ..Sps::DEFAULT
        };
        let stream = Stream {
            width: 8178,
            height: 8178,
            width_mbs: 512,
            height_mbs: 512,
            interval: Some((u32::MAX / 2, u32::MAX / 2)),
            sample_aspect_ratio: Some((65535, 65534)),
            colour: Some(super::super::adapt::Colour {
                full_range: true,
                primaries: 9,
                transfer: 16,
                matrix: 9,
            }),
            hrd: Hrd::new((1 << 38) - 1, (1 << 46) - 1, true, true).ok(),
        };
        assert!(stream.hrd.is_some());
        assert!(Written::new(&long, &stream).is_ok());
    }
}
