// SPDX-License-Identifier: GPL-2.0

//! Levels and their limits, H.264 table A-1 and clause A.3.1.

use super::params::{Invalid, Sps};

/// level_idc of level 1b in High profile (H.264 clause A.3.2).
pub const LEVEL_1B_OF_HIGH: u8 = 9;

/// The limits of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// level_idc.
    pub idc: u8,
    /// Level 1b, which Baseline writes as level_idc 11 with constraint_set3_flag.
    pub is_1b: bool,
    /// MaxMBPS: macroblocks per second.
    pub max_mbps: u32,
    /// MaxFS: macroblocks per frame.
    pub max_fs: u32,
    /// MaxDpbMbs: macroblocks in the decoded picture buffer.
    pub max_dpb_mbs: u32,
    /// MaxBR: bit rate, in units that depend on the profile.
    pub max_br: u32,
    /// MaxCPB: size of the coded picture buffer, in the same units.
    pub max_cpb: u32,
}

const fn level(idc: u8, frames: (u32, u32, u32), (max_br, max_cpb): (u32, u32)) -> Level {
    let (max_mbps, max_fs, max_dpb_mbs) = frames;
    Level {
        idc,
        is_1b: false,
        max_mbps,
        max_fs,
        max_dpb_mbs,
        max_br,
        max_cpb,
    }
}

/// Table A-1, in the order of what levels can do.
pub const LEVELS: [Level; 20] = [
    level(10, (1_485, 99, 396), (64, 175)),
    Level {
        is_1b: true,
        ..level(11, (1_485, 99, 396), (128, 350))
    },
    level(11, (3_000, 396, 900), (192, 500)),
    level(12, (6_000, 396, 2_376), (384, 1_000)),
    level(13, (11_880, 396, 2_376), (768, 2_000)),
    level(20, (11_880, 396, 2_376), (2_000, 2_000)),
    level(21, (19_800, 792, 4_752), (4_000, 4_000)),
    level(22, (20_250, 1_620, 8_100), (4_000, 4_000)),
    level(30, (40_500, 1_620, 8_100), (10_000, 10_000)),
    level(31, (108_000, 3_600, 18_000), (14_000, 14_000)),
    level(32, (216_000, 5_120, 20_480), (20_000, 20_000)),
    level(40, (245_760, 8_192, 32_768), (20_000, 25_000)),
    level(41, (245_760, 8_192, 32_768), (50_000, 62_500)),
    level(42, (522_240, 8_704, 34_816), (50_000, 62_500)),
    level(50, (589_824, 22_080, 110_400), (135_000, 135_000)),
    level(51, (983_040, 36_864, 184_320), (240_000, 240_000)),
    level(52, (2_073_600, 36_864, 184_320), (240_000, 240_000)),
    level(60, (4_177_920, 139_264, 696_320), (240_000, 240_000)),
    level(61, (8_355_840, 139_264, 696_320), (480_000, 480_000)),
    level(62, (16_711_680, 139_264, 696_320), (800_000, 800_000)),
];

/// What a stream demands of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Coded width in macroblocks, not 0.
    pub width_mbs: u16,
    /// Coded height in macroblocks, not 0.
    pub height_mbs: u16,
    /// Seconds per picture, if they are known: numerator and denominator.
    pub interval: Option<(u32, u32)>,
    /// Frames in the decoded picture buffer.
    pub frames: u8,
    /// The coded picture buffer, if the stream says what it is like.
    pub buffer: Option<Buffer>,
}

/// What a stream demands of the coded picture buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Bits a second that enter it.
    pub bit_rate: u64,
    /// Its size in bits.
    pub bits: u64,
    /// cpbBrNalFactor of the profile: the unit of MaxBR and MaxCPB.
    pub factor: u32,
}

impl Level {
    /// Whether a stream with this demand conforms to the level.
    pub fn allows(&self, demand: &Demand) -> bool {
        let (width, height) = (u32::from(demand.width_mbs), u32::from(demand.height_mbs));
        // Each below 2^16: no product overflows 32 bits, and no square.
        let frame = width * height;
        let Some(longest) = self.max_fs.checked_mul(8) else {
            return false;
        };
        let mbps_fit = match demand.interval {
            // frame * denominator / numerator <= max_mbps
            Some((numerator, denominator)) => {
                u64::from(frame) * u64::from(denominator)
                    <= u64::from(self.max_mbps) * u64::from(numerator)
            }
            None => true,
        };
        let buffer_fits = demand.buffer.is_none_or(|buffer| {
            let bits = |units: u32| u64::from(units) * u64::from(buffer.factor);
            buffer.bit_rate <= bits(self.max_br) && buffer.bits <= bits(self.max_cpb)
        });
        frame <= self.max_fs
            && width * width <= longest
            && height * height <= longest
            && u64::from(frame) * u64::from(demand.frames) <= u64::from(self.max_dpb_mbs)
            && mbps_fit
            && buffer_fits
    }
}

/// The level that the SPS names, if there is such a level.
pub fn named(sps: &Sps) -> Option<&'static Level> {
    let is_1b = match sps.profile_idc {
        Sps::PROFILE_HIGH => sps.level_idc == LEVEL_1B_OF_HIGH,
        _ => sps.level_idc == 11 && sps.constraint_set_flags & Sps::CONSTRAINT_SET3 != 0,
    };
    LEVELS
        .iter()
        .find(|level| level.is_1b == is_1b && (is_1b || level.idc == sps.level_idc))
}

/// The level that the SPS names, or when it names none, or one that is too low, the lowest that
/// allows the demand.
///
/// A frame rate, a bit rate or a buffer that no level reaches ends at the highest one that allows
/// everything else: levels bound what decoders promise, and not what may be stored.
pub fn choose(sps: &Sps, demand: &Demand) -> Result<&'static Level, Invalid> {
    if demand.width_mbs == 0 || demand.height_mbs == 0 {
        return Err(Invalid("pic_width_in_mbs"));
    }
    if let Some(level) = named(sps).filter(|level| level.allows(demand)) {
        return Ok(level);
    }
    let untimed = Demand {
        interval: None,
        buffer: None,
        ..*demand
    };
    LEVELS
        .iter()
        .find(|level| level.allows(demand))
        .or_else(|| LEVELS.iter().rev().find(|level| level.allows(&untimed)))
        .ok_or(Invalid("level_idc"))
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_level))]
mod tests {
    use super::*;

    fn chosen(asked: u8, width_mbs: u16, height_mbs: u16, fps: u32) -> u8 {
        let sps = Sps {
            level_idc: asked,
            ..Sps::DEFAULT
        };
        let demand = Demand {
            width_mbs,
            height_mbs,
            interval: Some((1, fps)),
            frames: 1,
            buffer: None,
        };
        choose(&sps, &demand).map_or(0, |level| level.idc)
    }

    #[test]
    fn usual_sizes_get_their_usual_levels() {
        // QCIF at 15, CIF at 30, SD at 30, 720p at 30 and 60, 1080p at 30 and 60, 2160p at 30.
        assert_eq!(chosen(0, 11, 9, 15), 10);
        assert_eq!(chosen(0, 22, 18, 30), 13);
        assert_eq!(chosen(0, 45, 30, 30), 30);
        assert_eq!(chosen(0, 80, 45, 30), 31);
        assert_eq!(chosen(0, 80, 45, 60), 32);
        assert_eq!(chosen(0, 120, 68, 30), 40);
        assert_eq!(chosen(0, 120, 68, 60), 42);
        assert_eq!(chosen(0, 240, 135, 30), 51);
    }

    #[test]
    fn a_level_that_suffices_is_kept() {
        assert_eq!(chosen(51, 80, 45, 30), 51);
        assert_eq!(chosen(41, 120, 68, 30), 41);
        assert_eq!(chosen(30, 80, 45, 30), 31);
        assert_eq!(chosen(77, 80, 45, 30), 31);
    }

    #[test]
    fn level_1b_is_not_level_1_1() {
        let sps = Sps {
            level_idc: 11,
            constraint_set_flags: Sps::CONSTRAINT_SET3,
            ..Sps::DEFAULT
        };
        assert!(named(&sps).is_some_and(|level| level.is_1b));
        let demand = Demand {
            width_mbs: 22,
            height_mbs: 18,
            interval: None,
            frames: 1,
            buffer: None,
        };
        assert!(choose(&sps, &demand).is_ok_and(|level| !level.is_1b && level.idc == 11));
    }

    #[test]
    fn level_1b_of_high_has_a_number() {
        for (profile_idc, level_idc, is_1b) in [
            (100, 9, Some(true)),
            (100, 11, Some(false)),
            (66, 9, None),
            (77, 9, None),
        ] {
            let sps = Sps {
                profile_idc,
                level_idc,
                constraint_set_flags: 0,
                ..Sps::DEFAULT
            };
            assert_eq!(named(&sps).map(|level| level.is_1b), is_1b);
        }
    }

    #[test]
    fn long_thin_pictures_need_more() {
        // 8 * MaxFS bounds the square of each side: 32 macroblocks are too wide for level 1.
        assert_eq!(chosen(0, 28, 1, 1), 10);
        assert_eq!(chosen(0, 29, 1, 1), 11);
    }

    #[test]
    fn references_count() {
        let demand = Demand {
            width_mbs: 120,
            height_mbs: 68,
            interval: Some((1, 30)),
            frames: 4,
            buffer: None,
        };
        assert!(choose(&Sps::DEFAULT, &demand).is_ok_and(|level| level.idc == 40));
        let demand = Demand {
            frames: 5,
            ..demand
        };
        assert!(choose(&Sps::DEFAULT, &demand).is_ok_and(|level| level.idc == 50));
    }

    #[test]
    fn rate_and_buffer_count() {
        for ((bit_rate, bits, factor), idc) in [
            ((16_800_000, 16_800_000, 1200), 31),
            ((16_800_001, 1, 1200), 32),
            ((16_800_001, 1, 1500), 31),
            ((1, 16_800_001, 1200), 32),
            ((24_000_001, 1, 1200), 41),
            ((1, 24_000_001, 1200), 40),
            // More than any level has: the highest that there is.
            ((1 << 38, 1, 1200), 62),
        ] {
            let buffer = Buffer {
                bit_rate,
                bits,
                factor,
            };
            let demand = Demand {
                width_mbs: 80,
                height_mbs: 45,
                interval: Some((1, 30)),
                frames: 1,
                buffer: Some(buffer),
            };
            assert!(choose(&Sps::DEFAULT, &demand).is_ok_and(|level| level.idc == idc));
        }
    }

    #[test]
    fn extremes_neither_overflow_nor_fail() {
        assert_eq!(chosen(0, 120, 68, u32::MAX), 62);
        assert_eq!(chosen(0, u16::MAX, u16::MAX, 1), 0);
        assert_eq!(chosen(0, 0, 68, 30), 0);
        let never = Demand {
            width_mbs: 1,
            height_mbs: 1,
            interval: Some((0, 0)),
            frames: 16,
            buffer: None,
        };
        assert!(choose(&Sps::DEFAULT, &never).is_ok());
    }
}
