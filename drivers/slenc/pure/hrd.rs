// SPDX-License-Identifier: GPL-2.0

//! The hypothetical reference decoder in the stream: HRD parameters of the VUI, and the SEI messages
//! that say when pictures leave the coded picture buffer.
//!
//! H.264 clauses E.1.2 and E.2.2, D.1.2, D.1.3, D.2.2 and D.2.3, and annex C.

use super::{bits::BitWriter, params::Invalid};

/// nal_unit_type of supplemental enhancement information.
const NAL_SEI: u8 = 6;
/// payloadType of a buffering period message.
const BUFFERING_PERIOD: u8 = 0;
/// payloadType of a picture timing message.
const PICTURE_TIMING: u8 = 1;
/// Bits of initial_cpb_removal_delay and of its offset: a CPB may hold many seconds.
const INITIAL_DELAY_BITS: u32 = 32;
/// Bits of cpb_removal_delay, which counts modulo what they hold.
const REMOVAL_DELAY_BITS: u32 = 24;
/// Bits of dpb_output_delay, which is 0: pictures are output when they are decoded.
const OUTPUT_DELAY_BITS: u32 = 5;
/// The highest cpb_size_scale that is needed: sizes of 46 bits.
const MAX_CPB_SIZE_SCALE: u32 = 10;

/// Parameters of the NAL HRD: one schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hrd {
    /// bit_rate_value_minus1 + 1, in units of 64 bit/s.
    bit_rate_value: u32,
    /// cpb_size_scale.
    cpb_size_scale: u8,
    /// cpb_size_value_minus1 + 1, in units of 2^(4 + cpb_size_scale) bits.
    cpb_size_value: u32,
    /// cbr_flag: bits enter the CPB all the time.
    pub cbr: bool,
    /// low_delay_hrd_flag: a picture may arrive later than it should leave.
    pub low_delay: bool,
}

impl Hrd {
    /// What comes nearest to this rate in bit/s and this size in bits, and is not above.
    pub fn new(bit_rate: u64, cpb_bits: u64, cbr: bool, low_delay: bool) -> Result<Self, Invalid> {
        let bit_rate_value = u32::try_from(bit_rate >> 6).map_err(|_| Invalid("bit_rate"))?;
        let units = cpb_bits >> 4;
        // The shortest scale with which the value has 32 bits.
        let scale = 32u32.saturating_sub(units.leading_zeros());
        let cpb_size_value = units.checked_shr(scale).unwrap_or(0);
        let cpb_size_value = u32::try_from(cpb_size_value).map_err(|_| Invalid("cpb_size"))?;
        if scale > MAX_CPB_SIZE_SCALE || bit_rate_value == 0 || cpb_size_value == 0 {
            return Err(Invalid("cpb_size"));
        }
        Ok(Self {
            bit_rate_value,
            cpb_size_scale: u8::try_from(scale).map_err(|_| Invalid("cpb_size"))?,
            cpb_size_value,
            cbr,
            low_delay,
        })
    }

    /// BitRate, in bit/s.
    pub fn bit_rate(&self) -> u64 {
        u64::from(self.bit_rate_value) << 6
    }

    /// CpbSize, in bits.
    pub fn cpb_bits(&self) -> u64 {
        u64::from(self.cpb_size_value).wrapping_shl(4 + u32::from(self.cpb_size_scale))
    }
}

/// hrd_parameters(), and what follows them in the VUI: there is a NAL HRD or none.
pub fn write_hrd(w: &mut BitWriter<'_>, hrd: Option<&Hrd>) {
    w.flag(hrd.is_some()); // nal_hrd_parameters_present_flag
    if let Some(hrd) = hrd {
        w.ue(0); // cpb_cnt_minus1
        w.u(4, 0); // bit_rate_scale
        w.u(4, hrd.cpb_size_scale.into());
        // new() has seen that neither is 0.
        w.ue(hrd.bit_rate_value.saturating_sub(1));
        w.ue(hrd.cpb_size_value.saturating_sub(1));
        w.flag(hrd.cbr);
        w.u(5, INITIAL_DELAY_BITS - 1);
        w.u(5, REMOVAL_DELAY_BITS - 1);
        w.u(5, OUTPUT_DELAY_BITS - 1);
        w.u(5, 0); // time_offset_length
    }
    w.flag(false); // vcl_hrd_parameters_present_flag
    if let Some(hrd) = hrd {
        w.flag(hrd.low_delay);
    }
}

/// When a picture leaves the CPB. The rate control counts this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// initial_cpb_removal_delay and its offset, of a picture with which a buffering period begins.
    pub initial_delay: Option<(u32, u32)>,
    /// cpb_removal_delay, which is written modulo what it has bits for.
    pub removal_delay: u32,
}

/// sei_rbsp() with a picture timing message, and a buffering period message before it where one
/// begins.
pub fn write_sei(w: &mut BitWriter<'_>, seq_parameter_set_id: u8, timing: &Timing) {
    w.nal_unit_header(0, NAL_SEI);
    if let Some((delay, offset)) = timing.initial_delay {
        write_message(w, BUFFERING_PERIOD, |w| {
            w.ue(seq_parameter_set_id.into());
            w.u(INITIAL_DELAY_BITS, delay);
            w.u(INITIAL_DELAY_BITS, offset);
        });
    }
    write_message(w, PICTURE_TIMING, |w| {
        w.u(REMOVAL_DELAY_BITS, timing.removal_delay);
        w.u(OUTPUT_DELAY_BITS, 0);
    });
    w.trailing_bits();
}

/// sei_message(), clause 7.3.2.3.1: its payload begins and ends with a byte.
fn write_message(w: &mut BitWriter<'_>, payload_type: u8, write: impl Fn(&mut BitWriter<'_>)) {
    let mut measure = BitWriter::new(&mut []);
    write(&mut measure);
    let bits = measure.bits();
    w.u(8, payload_type.into());
    // Below 255: one byte says it.
    w.u(8, u32::try_from(bits.div_ceil(8)).unwrap_or(0));
    write(w);
    if bits % 8 != 0 {
        // bit_equal_to_one, and zeros.
        w.trailing_bits();
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_hrd))]
mod tests {
    use super::*;

    #[test]
    fn rates_and_sizes_are_rounded_down() {
        for (rate, size, wanted) in [
            (2_000_000, 1_000_000, (2_000_000, 1_000_000)),
            (64, 16, (64, 16)),
            (127, 31, (64, 16)),
            (1 << 31, 1 << 40, (1 << 31, 1 << 40)),
            (1 << 31, (1 << 40) - 1, (1 << 31, (1 << 40) - 256)),
            (1000, (1 << 36) - 16, (960, (1 << 36) - 16)),
        ] {
            let hrd = Hrd::new(rate, size, true, false);
            assert!(hrd.is_ok_and(|hrd| (hrd.bit_rate(), hrd.cpb_bits()) == wanted));
        }
        for (rate, size) in [
            (0, 1000),
            (63, 1000),
            (1000, 15),
            (1000, 1 << 46),
            (u64::MAX, 1000),
            (1000, u64::MAX),
        ] {
            assert!(Hrd::new(rate, size, true, false).is_err());
        }
    }

    #[test]
    fn an_hrd_bit_by_bit() {
        let mut bytes = [0; 16];
        let mut w = BitWriter::new(&mut bytes);
        let hrd = Hrd::new(128, 48, true, true);
        assert!(hrd.is_ok());
        write_hrd(&mut w, hrd.ok().as_ref());
        // 1 | ue(0) | 0000 0000 | ue(1) ue(2) 1 | 11111 10111 00100 00000 | 0 1
        assert_eq!(w.finish(), Ok(1 + 1 + 8 + 3 + 3 + 1 + 20 + 2));
        let wanted = [
            0b1100_0000,
            0b0001_0011,
            0b1111_1110,
            0b1110_0100,
            0b0000_0010,
        ];
        assert!(bytes[..4] == wanted[..4] && bytes[4] == 0b0000_0010);
        let mut w = BitWriter::new(&mut bytes);
        write_hrd(&mut w, None);
        assert_eq!(w.finish(), Ok(2));
    }

    #[test]
    fn messages_are_whole_bytes() {
        let mut bytes = [0xff; 32];
        let mut w = BitWriter::new(&mut bytes);
        let timing = Timing {
            initial_delay: Some((90_000, 0x1234_5678)),
            removal_delay: 6,
        };
        write_sei(&mut w, 0, &timing);
        // 2 + 9 bytes, 2 + 4, the NAL unit header and the stop bit.
        assert_eq!(w.finish(), Ok((1 + 11 + 6 + 1) * 8));
        let wanted = [
            6, 0, 9, 0x80, 0x00, 0xaf, 0xc8, 0x09, 0x1a, 0x2b, 0x3c, 0x40, 1, 4, 0, 0, 6, 4, 0x80,
        ];
        assert!(bytes[..19] == wanted[..]);
        let mut w = BitWriter::new(&mut bytes);
        let timing = Timing {
            initial_delay: None,
            removal_delay: u32::MAX - 1,
        };
        write_sei(&mut w, 31, &timing);
        assert_eq!(w.finish(), Ok((1 + 6 + 1) * 8));
        assert!(bytes[..8] == [6, 1, 4, 0xff, 0xff, 0xfe, 4, 0x80][..]);
    }
}
