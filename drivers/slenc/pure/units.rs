// SPDX-License-Identifier: GPL-2.0

//! The NAL units of one access unit: header bits and where each slice's data goes.

use super::{
    adapt::Stream,
    bits::{BitWriter, Full},
    headers,
    hrd::{self, Timing},
    params::{Invalid, Pps, Sps},
    slice::{self, Picture},
};

/// What a unit's bits are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The whole NAL unit.
    #[default]
    Whole,
    /// A slice's headers; the hardware appends the data of these macroblock rows.
    Slice {
        /// First row.
        first_row: u16,
        /// Number of rows.
        rows: u16,
    },
}

/// One NAL unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// What the bits are.
    pub kind: Kind,
    /// Bytes of start code before it: 0, 3 or 4.
    pub start_code: u8,
    /// Where its bits begin, in bytes.
    pub offset: usize,
    /// How many bits.
    pub bits: usize,
}

impl Unit {
    /// An entry to fill.
    pub const EMPTY: Self = Self {
        kind: Kind::Whole,
        start_code: 0,
        offset: 0,
        bits: 0,
    };
}

/// Why a unit was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No room for its bits, or for one more unit.
    Full,
    /// A header cannot say this.
    Invalid(Invalid),
}

impl From<Full> for Error {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// The units of an access unit, in memory of the caller's.
pub struct Units<'a> {
    bytes: &'a mut [u8],
    units: &'a mut [Unit],
    used: usize,
    count: usize,
    start_codes: bool,
}

impl<'a> Units<'a> {
    /// Units begin at multiples of this many bytes.
    const ALIGN: usize = 8;

    /// None yet. With `start_codes` the stream is that of H.264 annex B.
    pub fn new(bytes: &'a mut [u8], units: &'a mut [Unit], start_codes: bool) -> Self {
        Self {
            bytes,
            units,
            used: 0,
            count: 0,
            start_codes,
        }
    }

    /// The units of `before`, in memory with room for more.
    pub fn after(
        before: &Units<'_>,
        bytes: &'a mut [u8],
        units: &'a mut [Unit],
    ) -> Result<Self, Full> {
        bytes
            .get_mut(..before.used)
            .ok_or(Full)?
            .copy_from_slice(before.bytes());
        units
            .get_mut(..before.count)
            .ok_or(Full)?
            .copy_from_slice(before.units());
        Ok(Self {
            bytes,
            units,
            used: before.used,
            count: before.count,
            start_codes: before.start_codes,
        })
    }

    /// The units so far, in stream order.
    pub fn units(&self) -> &[Unit] {
        self.units.get(..self.count).unwrap_or_default()
    }

    /// The bytes that hold their bits.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }

    /// The units, in memory of their own.
    pub fn save<const BYTES: usize, const UNITS: usize>(
        &self,
    ) -> Result<Saved<BYTES, UNITS>, Full> {
        let mut saved = Saved {
            bytes: [0; BYTES],
            units: [Unit::EMPTY; UNITS],
            used: self.used,
            count: self.count,
            start_codes: self.start_codes,
        };
        Units::after(self, &mut saved.bytes, &mut saved.units)?;
        Ok(saved)
    }

    fn push(
        &mut self,
        kind: Kind,
        long_start_code: bool,
        write: impl FnOnce(&mut BitWriter<'_>) -> Result<(), Invalid>,
    ) -> Result<(), Error> {
        let offset = self.used;
        let mut w = BitWriter::new(self.bytes.get_mut(offset..).unwrap_or_default());
        write(&mut w)?;
        let bits = w.finish()?;
        // Clause B.1.2: zero_byte comes before parameter sets and at the start of an access unit.
        let start_code = match (self.start_codes, long_start_code || self.count == 0) {
            (false, _) => 0,
            (true, false) => 3,
            (true, true) => 4,
        };
        *self.units.get_mut(self.count).ok_or(Error::Full)? = Unit {
            kind,
            start_code,
            offset,
            bits,
        };
        self.count = self.count.saturating_add(1);
        // The gap up to the next unit is not read by anybody, but it is copied.
        let end = offset.saturating_add(bits.div_ceil(8));
        let next = end
            .checked_next_multiple_of(Self::ALIGN)
            .map_or(self.bytes.len(), |next| next.min(self.bytes.len()));
        self.bytes.get_mut(end..next).unwrap_or_default().fill(0);
        self.used = next;
        Ok(())
    }

    /// Adds an access unit delimiter.
    pub fn push_aud(&mut self, slice_type: u8) -> Result<(), Error> {
        self.push(Kind::Whole, true, |w| {
            headers::write_aud(w, slice_type);
            Ok(())
        })
    }

    /// Adds a sequence parameter set.
    pub fn push_sps(&mut self, sps: &Sps, stream: &Stream) -> Result<(), Error> {
        self.push(Kind::Whole, true, |w| headers::write_sps(w, sps, stream))
    }

    /// Adds a picture parameter set.
    pub fn push_pps(&mut self, pps: &Pps) -> Result<(), Error> {
        self.push(Kind::Whole, true, |w| {
            headers::write_pps(w, pps);
            Ok(())
        })
    }

    /// Adds what tells decoders when the picture leaves their buffer.
    pub fn push_sei(&mut self, seq_parameter_set_id: u8, timing: &Timing) -> Result<(), Error> {
        // Clause B.1.2 demands no zero_byte of it.
        self.push(Kind::Whole, false, |w| {
            hrd::write_sei(w, seq_parameter_set_id, timing);
            Ok(())
        })
    }

    /// The most bits that these units and the slices of `picture` have as headers, whatever its QP
    /// is: start codes and emulation prevention included.
    pub fn header_bits(
        &self,
        sps: &Sps,
        pps: &Pps,
        picture: &Picture,
        rows: u16,
    ) -> Result<u64, Error> {
        let most = |start_code: u8, bits: usize| {
            let bytes = bits.div_ceil(8);
            // An emulation prevention byte comes after two others (clause 7.4.1).
            let bytes = bytes.saturating_add(bytes / 2);
            bytes.saturating_add(start_code.into()).saturating_mul(8)
        };
        let mut sum = 0usize;
        for unit in self.units() {
            sum = sum.saturating_add(most(unit.start_code, unit.bits));
        }
        let width = u32::from(sps.pic_width_in_mbs_minus1) + 1;
        let height = sps.pic_height_in_map_units_minus1.saturating_add(1);
        if rows == 0 {
            return Err(Invalid("slice_rows").into());
        }
        for first_row in (0..height).step_by(rows.into()) {
            let mut longest = 0;
            // The code of slice_qp_delta is longest at one of the ends.
            for qp in [0, 51] {
                let mut w = BitWriter::new(&mut []);
                let first_mb = width.saturating_mul(first_row.into());
                slice::write_slice_header(&mut w, sps, pps, picture, first_mb, qp)?;
                longest = longest.max(w.bits());
            }
            let start_code = if self.start_codes { 4 } else { 0 };
            sum = sum.saturating_add(most(start_code, longest));
        }
        Ok(u64::try_from(sum).unwrap_or(u64::MAX))
    }

    /// Adds the slices of a picture: of `rows` macroblock rows each, and of the rest the last one;
    /// with their headers.
    pub fn push_slices(
        &mut self,
        sps: &Sps,
        pps: &Pps,
        picture: &Picture,
        qp: u8,
        rows: u16,
    ) -> Result<(), Error> {
        let width = u32::from(sps.pic_width_in_mbs_minus1) + 1;
        self.push_rows(sps, rows, |w, first_row| {
            // Both factors are below 2^16 + 1.
            let first_mb = width.saturating_mul(first_row.into());
            slice::write_slice_header(w, sps, pps, picture, first_mb, qp)
        })
    }

    /// Adds slices like [`Self::push_slices`], for hardware that writes their headers.
    pub fn push_bare_slices(&mut self, sps: &Sps, rows: u16) -> Result<(), Error> {
        self.push_rows(sps, rows, |_, _| Ok(()))
    }

    /// Adds slices, for which `write` writes what the unit's bits are. It is told the first row.
    fn push_rows(
        &mut self,
        sps: &Sps,
        rows: u16,
        mut write: impl FnMut(&mut BitWriter<'_>, u16) -> Result<(), Invalid>,
    ) -> Result<(), Error> {
        let height = sps.pic_height_in_map_units_minus1.saturating_add(1);
        if rows == 0 {
            return Err(Invalid("slice_rows").into());
        }
        let mut first_row: u16 = 0;
        while first_row < height {
            let rows = rows.min(height.saturating_sub(first_row));
            let kind = Kind::Slice { first_row, rows };
            self.push(kind, false, |w| write(w, first_row))?;
            first_row = first_row.saturating_add(rows);
        }
        Ok(())
    }
}

/// Units for later.
pub struct Saved<const BYTES: usize, const UNITS: usize> {
    bytes: [u8; BYTES],
    units: [Unit; UNITS],
    used: usize,
    count: usize,
    start_codes: bool,
}

impl<const BYTES: usize, const UNITS: usize> Saved<BYTES, UNITS> {
    /// The units again, in a copy of their memory.
    pub fn units<'a>(&self, bytes: &'a mut [u8; BYTES], units: &'a mut [Unit; UNITS]) -> Units<'a> {
        bytes.copy_from_slice(&self.bytes);
        units.copy_from_slice(&self.units);
        Units {
            bytes,
            units,
            used: self.used,
            count: self.count,
            start_codes: self.start_codes,
        }
    }

    /// Whether the stream has start codes.
    pub fn start_codes(&self) -> bool {
        self.start_codes
    }
}

/// Macroblock rows of each slice of a picture of this size: as many as `max_mbs` macroblocks are,
/// but at least one, and so many that there are no more than `max_slices`.
pub fn slice_rows(
    (width_mbs, height_mbs): (u16, u16),
    max_mbs: Option<u32>,
    max_slices: u16,
) -> u16 {
    let slices = max_slices.max(1);
    // Rounded up, and nothing saturates.
    let fewest = (height_mbs / slices)
        .saturating_add(u16::from(height_mbs % slices != 0))
        .max(1);
    let wanted = max_mbs
        .and_then(|mbs| mbs.checked_div(width_mbs.into()))
        .and_then(|rows| u16::try_from(rows).ok())
        .unwrap_or(height_mbs);
    wanted.min(height_mbs).max(fewest)
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_units))]
mod tests {
    use super::super::few::Few;
    use super::super::params::{SLICE_TYPE_I, SLICE_TYPE_P};
    use super::super::slice::Deblocking;
    use super::*;

    const STREAM: Stream = Stream {
        width: 64,
        height: 144,
        width_mbs: 4,
        height_mbs: 9,
        interval: None,
        sample_aspect_ratio: None,
        colour: None,
        hrd: None,
    };
    const SPS: Sps = Sps {
        pic_width_in_mbs_minus1: 3,
        pic_height_in_map_units_minus1: 8,
        ..Sps::DEFAULT
    };
    const P: Picture = Picture {
        nal_ref_idc: 1,
        idr: false,
        slice_type: SLICE_TYPE_P,
        frame_num: 1,
        idr_pic_id: 0,
        pic_order_cnt_lsb: 0,
        no_output_of_prior_pics: false,
        long_term_reference: false,
        num_ref_idx_l0_active: 1,
        modifications: Few::new(),
        operations: Few::new(),
        deblocking: Deblocking {
            disable_idc: 0,
            alpha_c0_offset_div2: 0,
            beta_offset_div2: 0,
        },
    };

    #[test]
    fn an_access_unit_in_order() {
        let (mut bytes, mut entries) = ([0xaa; 256], [Unit::EMPTY; 8]);
        let mut units = Units::new(&mut bytes, &mut entries, true);
        assert!(units.push_aud(SLICE_TYPE_I).is_ok());
        assert!(units.push_sps(&SPS, &STREAM).is_ok());
        assert!(units.push_pps(&Pps::DEFAULT).is_ok());
        assert!(units.push_slices(&SPS, &Pps::DEFAULT, &P, 26, 5).is_ok());
        let mut types = [0; 5];
        for (t, unit) in types.iter_mut().zip(units.units()) {
            assert_eq!(unit.offset % 8, 0);
            *t = units.bytes().get(unit.offset).map_or(0, |byte| byte & 31);
        }
        assert!(types == [9, 7, 8, 1, 1]);
        let mut codes = [0; 5];
        for (code, unit) in codes.iter_mut().zip(units.units()) {
            *code = unit.start_code;
        }
        assert!(codes == [4, 4, 4, 3, 3]);
    }

    #[test]
    fn slices_cover_the_picture() {
        for (asked, count) in [
            (1, 9),
            (2, 5),
            (3, 3),
            (4, 3),
            (8, 2),
            (9, 1),
            (u16::MAX, 1),
        ] {
            let (mut bytes, mut entries) = ([0; 256], [Unit::EMPTY; 9]);
            let mut units = Units::new(&mut bytes, &mut entries, true);
            assert!(units
                .push_slices(&SPS, &Pps::DEFAULT, &P, 26, asked)
                .is_ok());
            assert_eq!(units.units().len(), count);
            let mut row = 0;
            for unit in units.units() {
                let (first, rows) = match unit.kind {
                    Kind::Slice { first_row, rows } => (first_row, rows),
                    Kind::Whole => (u16::MAX, 0),
                };
                assert_eq!(first, row);
                // All but the last one are as asked for.
                assert_eq!(rows, asked.min(9 - first));
                row += rows;
            }
            assert_eq!(row, 9);
            // The first unit of an access unit has the long start code.
            assert!(units
                .units()
                .first()
                .is_some_and(|unit| unit.start_code == 4));
        }
    }

    #[test]
    fn headers_are_never_more_than_they_can_be() {
        let timing = Timing {
            initial_delay: Some((0, 0)),
            removal_delay: 0,
        };
        for (qp, rows) in [(0, 9), (26, 4), (51, 1)] {
            let (mut bytes, mut entries) = ([0; 512], [Unit::EMPTY; 16]);
            let mut units = Units::new(&mut bytes, &mut entries, true);
            assert!(units.push_aud(SLICE_TYPE_P).is_ok());
            assert!(units.push_sps(&SPS, &STREAM).is_ok());
            assert!(units.push_pps(&Pps::DEFAULT).is_ok());
            assert!(units.push_sei(0, &timing).is_ok());
            let before = units.units().len();
            let bound = units.header_bits(&SPS, &Pps::DEFAULT, &P, rows);
            assert!(units.push_slices(&SPS, &Pps::DEFAULT, &P, qp, rows).is_ok());
            let bits = |units: &[Unit]| {
                units.iter().fold(0, |sum, unit| {
                    sum + u64::from(unit.start_code) * 8 + unit.bits as u64
                })
            };
            let all = bits(units.units());
            assert!(bound.is_ok_and(|bound| {
                // A slice header and the data after it share a byte.
                all <= bound && bound <= all * 2
            }));
            assert!(units.units().len() > before);
        }
        let (mut bytes, mut entries) = ([0; 16], [Unit::EMPTY; 1]);
        let units = Units::new(&mut bytes, &mut entries, false);
        assert!(units.header_bits(&SPS, &Pps::DEFAULT, &P, 0).is_err());
        // 8 + 1 + 5 + 1 + 8 + 1 + 1 + 1 + 11 + 3 bits, 5 bytes, 2 more.
        let bound = units.header_bits(&SPS, &Pps::DEFAULT, &P, 9);
        assert_eq!(bound, Ok(7 * 8));
    }

    #[test]
    fn slices_are_whole_rows() {
        // One slice.
        assert_eq!(slice_rows((11, 9), None, 61), 9);
        // Rounded down, to a row at least.
        for (mbs, rows) in [(1, 1), (10, 1), (11, 1), (32, 2), (33, 3), (98, 8), (99, 9)] {
            assert_eq!(slice_rows((11, 9), Some(mbs), 61), rows);
        }
        assert_eq!(slice_rows((11, 9), Some(u32::MAX), 61), 9);
        // Larger where the hardware has not so many.
        assert_eq!(slice_rows((120, 68), Some(1), 61), 2);
        assert_eq!(slice_rows((120, 68), Some(1), 1), 68);
        assert_eq!(slice_rows((1, 9), Some(1), 4), 3);
        // What cannot be makes no difference.
        assert_eq!(slice_rows((0, 0), Some(1), 0), 1);
    }

    #[test]
    fn slices_without_bits() {
        let (mut bytes, mut entries) = ([0; 16], [Unit::EMPTY; 4]);
        let mut units = Units::new(&mut bytes, &mut entries, true);
        assert!(units.push_pps(&Pps::DEFAULT).is_ok());
        let before = units.bytes().len();
        assert!(units.push_bare_slices(&SPS, 5).is_ok());
        assert_eq!(units.bytes().len(), before);
        let mut slices = [(Kind::Whole, 1, 1); 2];
        for (slice, unit) in slices.iter_mut().zip(units.units().iter().skip(1)) {
            *slice = (unit.kind, unit.start_code, unit.bits);
        }
        let rows = |first_row, rows| (Kind::Slice { first_row, rows }, 3, 0);
        assert!(slices == [rows(0, 5), rows(5, 4)]);
        assert!(units.push_bare_slices(&SPS, 0).is_err());
        assert_eq!(units.push_bare_slices(&SPS, 5), Err(Error::Full));
    }

    #[test]
    fn units_go_on_elsewhere() {
        let (mut bytes, mut entries) = ([0xaa; 32], [Unit::EMPTY; 2]);
        let mut before = Units::new(&mut bytes, &mut entries, true);
        assert!(before.push_aud(SLICE_TYPE_P).is_ok());
        assert!(before.push_pps(&Pps::DEFAULT).is_ok());
        let (mut bytes, mut entries) = ([0; 64], [Unit::EMPTY; 3]);
        assert!(Units::after(&before, &mut bytes[..15], &mut entries).is_err());
        assert!(Units::after(&before, &mut bytes, &mut entries[..1]).is_err());
        let after = Units::after(&before, &mut bytes, &mut entries);
        assert!(after.is_ok_and(|mut after| {
            assert!(after.units() == before.units() && after.bytes() == before.bytes());
            assert!(after.push_slices(&SPS, &Pps::DEFAULT, &P, 26, 9).is_ok());
            after.units().get(2).is_some_and(|unit| {
                // Not the first unit: a short start code.
                (unit.offset, unit.start_code) == (before.bytes().len(), 3)
            })
        }));
    }

    #[test]
    fn units_are_saved() {
        let (mut bytes, mut entries) = ([0xaa; 32], [Unit::EMPTY; 2]);
        let mut before = Units::new(&mut bytes, &mut entries, true);
        assert!(before.push_aud(SLICE_TYPE_P).is_ok());
        assert!(before.push_pps(&Pps::DEFAULT).is_ok());
        assert!(before.save::<32, 1>().is_err());
        assert!(before.save::<15, 2>().is_err());
        let saved = before.save::<24, 3>();
        assert!(saved.is_ok_and(|saved| {
            let (mut bytes, mut entries) = ([0; 24], [Unit::EMPTY; 3]);
            let units = saved.units(&mut bytes, &mut entries);
            assert!(units.units() == before.units() && units.bytes() == before.bytes());
            saved.start_codes()
        }));
    }

    #[test]
    fn too_much_is_refused() {
        let (mut bytes, mut entries) = ([0; 256], [Unit::EMPTY; 2]);
        let mut units = Units::new(&mut bytes, &mut entries, false);
        assert!(units.push_slices(&SPS, &Pps::DEFAULT, &P, 26, 0).is_err());
        assert_eq!(
            units.push_slices(&SPS, &Pps::DEFAULT, &P, 26, 4),
            Err(Error::Full)
        );
        let (mut bytes, mut entries) = ([0; 4], [Unit::EMPTY; 2]);
        let mut units = Units::new(&mut bytes, &mut entries, false);
        assert_eq!(units.push_sps(&SPS, &STREAM), Err(Error::Full));
        assert!(units.units().is_empty());
        assert!(units.push_pps(&Pps::DEFAULT).is_ok());
        assert_eq!(units.push_pps(&Pps::DEFAULT), Err(Error::Full));
        assert!(units.units().iter().all(|unit| unit.start_code == 0));
    }
}
