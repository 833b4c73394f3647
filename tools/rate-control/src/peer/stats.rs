// SPDX-License-Identifier: GPL-2.0

//! What ffmpeg says of the packets that it writes: their times and sizes (`-stats_mux_pre`), and
//! the quantizers that some encoders tell (`-vstats_file`).

/// Of a packet, in this order.
pub(super) const FORMAT: &str = "{pts} {tb} {size} {key}";

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    /// The frame that it is of.
    pub(super) frame: usize,
    pub(super) bytes: u64,
    pub(super) key: bool,
}

/// The packets of `frames` frames at a constant rate. They come in order, none twice.
pub(super) fn packets(text: &str, frames: usize, rate: (u64, u64)) -> Result<Vec<Packet>, String> {
    let mut packets: Vec<Packet> = Vec::new();
    for line in text.lines() {
        let packet = packet(line, rate)
            .filter(|packet| packet.frame < frames)
            .filter(|packet| packets.last().is_none_or(|last| last.frame < packet.frame));
        packets.push(packet.ok_or_else(|| format!("not a packet: {line}"))?);
    }
    match packets.first() {
        Some(first) if first.frame == 0 && first.key => Ok(packets),
        _ => Err("no key frame at the beginning".to_owned()),
    }
}

/// "12 1/25 345 N"
fn packet(line: &str, rate: (u64, u64)) -> Option<Packet> {
    let mut fields = line.split(' ');
    let time: u128 = fields.next()?.parse().ok()?;
    let (count, per) = fields.next()?.split_once('/')?;
    let (count, per): (u64, u64) = (count.parse().ok()?, per.parse().ok()?);
    let bytes = fields.next()?.parse().ok().filter(|&bytes| bytes > 0)?;
    let key = match fields.next()? {
        "K" => true,
        "N" => false,
        _ => return None,
    };
    let intervals = time.checked_mul((u128::from(count)).checked_mul(rate.0.into())?)?;
    let unit = u128::from(per) * u128::from(rate.1);
    // Between two frames there is none.
    let whole = unit > 0 && intervals % unit == 0;
    (whole && fields.next().is_none()).then_some(())?;
    Some(Packet {
        frame: usize::try_from(intervals / unit).ok()?,
        bytes,
        key,
    })
}

/// The quantizer of each of `count` packets; `None` of an encoder that does not tell.
pub(super) fn quantizers(text: &str, count: usize) -> Vec<Option<i32>> {
    let all: Vec<Option<i32>> = text.lines().map(quantizer).collect();
    // Lines that are not those of the packets are of no use.
    if all.len() == count {
        all
    } else {
        vec![None; count]
    }
}

/// "... frame=     0 q= 31.0 f_size= ..."
fn quantizer(line: &str) -> Option<i32> {
    let (_, value) = line.split_once(" q=")?;
    let value: f64 = value.split_whitespace().next()?.parse().ok()?;
    // Minus nothing is what it writes of encoders that do not tell.
    (value.is_sign_positive() && value < 256.0).then_some(value.round() as i32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: (u64, u64) = (25, 1);

    #[test]
    fn packets_by_hand() {
        let text = "0 1/25 2144 K\n1 1/25 101 N\n3 1/25 169 N\n";
        let packet = |frame, bytes, key| Packet { frame, bytes, key };
        assert_eq!(
            packets(text, 4, RATE),
            Ok(vec![
                packet(0, 2144, true),
                packet(1, 101, false),
                packet(3, 169, false)
            ])
        );
        // Other units of time, as a container may have them.
        let text = "0 1/1000 9 K\n120 1/1000 8 N\n";
        assert_eq!(packets(text, 4, RATE).map(|p| p[1].frame), Ok(3));
        let text = "0 1001/30000 9 K\n7 1001/30000 8 N\n";
        let ntsc = (30_000, 1001);
        assert_eq!(packets(text, 8, ntsc).map(|p| p[1].frame), Ok(7));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for line in [
            "",
            "1 1/25 5",
            "1 1/25 5 X",
            "1 1/25 5 N more",
            "1 1/0 5 N",
            "1 1 5 N",
            "-1 1/25 5 N",
            "1 1/25 0 N",
            "1 1/26 5 N",
            "0 1/25 5 N",
            "4 1/25 5 N",
            "NOPTS 1/25 5 N",
            "340282366920938463463374607431768211455 9999999999/1 5 N",
            "1 18446744073709551615/18446744073709551615 5 \u{fffd}",
        ] {
            let text = format!("0 1/25 9 K\n{line}\n");
            assert!(packets(&text, 4, RATE).is_err(), "{line}");
        }
        for text in ["", "1 1/25 5 K\n", "0 1/25 5 N\n"] {
            assert!(packets(text, 4, RATE).is_err(), "{text}");
        }
    }

    #[test]
    fn quantizers_by_hand() {
        let x264 = "out=  0 st=  0 frame=     1 q= 38.0 f_size=    101 s_size=        3KiB";
        let openh264 = "out=  0 st=  0 frame=     0 q= -0.0 f_size=   1762 s_size=        0KiB";
        let text = format!("{x264}\n{openh264}\nq=\n q= x\n q= nan\n q= inf\n q= 1e9\n");
        let expected = [Some(38), None, None, None, None, None, None];
        assert_eq!(quantizers(&text, 7), expected);
        assert_eq!(quantizers(&text, 2), [None; 2]);
        assert_eq!(quantizers("", 1), [None]);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "([0-9 /KN.=q-]{0,40}\n){0,6}", rate in any::<(u64, u64)>()) {
            let _ = packets(&text, 100, rate);
            prop_assert_eq!(quantizers(&text, 3).len(), 3);
        }

        #[test]
        fn all_text_is_taken(text in any::<String>()) {
            prop_assert!(packets(&text, 1 << 40, RATE).is_err() || text.contains('K'));
            let _ = quantizers(&text, 1);
        }
    }
}
