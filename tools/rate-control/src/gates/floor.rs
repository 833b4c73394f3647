// SPDX-License-Identifier: GPL-2.0

//! What the public suites ask of an encoder, as gates: a floor, not a goal. Their clips are not
//! here; the content that takes their place is in the list of scenarios.
//!
//! - Chromium, media/gpu/video_encode_accelerator_tests.cc: 300 frames within 10 %, each part of a
//!   change of the rate too; with a variable rate within 30 %.
//! - libvpx, test/vp9_datarate_test.cc and test/vp8_datarate_test.cc: a rate of 85 to 115 %, and a
//!   model of the buffer that is not empty when a P frame is due.
//! - libaom, test/datarate_test.cc and .h: 85 to 119 %, of each part of a change 85 to 120 %; after
//!   the first frame, at most 10 frames above 3 times their share and none above 8 times.
//! - WebRTC, modules/video_coding/codecs/test/videocodec_test_openh264.cc. Its delays are whole
//!   seconds by integer division (videocodec_test_stats_impl.cc); here they are milliseconds.

use super::Gates;
use crate::judge::metrics::Metrics;
use crate::judge::statistics::largest;
use crate::scenario::Scenario;

/// The gates of the scenarios F1 to F7.
pub(super) fn floor(gates: &mut Gates, scenario: &Scenario, metrics: &Metrics) {
    let suites = &metrics.suites;
    let parts = || suites.parts.iter().copied();
    let most_off = largest(parts().map(f64::abs));
    match scenario.id {
        "F1" => gates.most("Chromium: CBR off %", suites.mismatch.abs(), 10.0),
        "F2" => gates.most("Chromium: VBR off %", suites.mismatch.abs(), 30.0),
        "F3" => gates.most("Chromium: rate x1.5, off %", most_off, 10.0),
        "F4" => {
            gates.most("libvpx: CBR off %", suites.mismatch.abs(), 15.0);
            gates.most("libvpx: buffer below empty ms", suites.underrun_ms, 0.0);
        }
        "F5" => {
            gates.most("libaom: rate x1.3, x0.7, above %", largest(parts()), 20.0);
            gates.most(
                "libaom: rate x1.3, x0.7, below %",
                largest(parts().map(|part| -part)),
                15.0,
            );
        }
        "F6" => {
            let [spikes, high] = suites.spikes.map(|count| count as f64);
            gates.most("libaom: CBR above %", suites.mismatch, 19.0);
            // What it takes of a limit that is set is stated apart.
            let with = match scenario.variant {
                "limit" => ", P limited",
                _ => "",
            };
            gates.most(&format!("libaom: frames above 3 b{with}"), spikes, 10.0);
            gates.most(&format!("libaom: frames above 8 b{with}"), high, 0.0);
        }
        "F7" => {
            let reached = suites.reached_ms.unwrap_or(f64::INFINITY);
            gates.most("WebRTC: CBR off %", suites.mismatch.abs(), 5.0);
            gates.most("WebRTC: rate reached after ms", reached, 1000.0);
            gates.most("WebRTC: frames dropped", metrics.drops as f64, 0.0);
            gates.most("WebRTC: mean delay ms", suites.delay_mean_ms, 100.0);
            gates.most("WebRTC: key frame ms", suites.key_ms, 200.0);
            gates.most("WebRTC: other frames ms", suites.delta_ms, 100.0);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::{gates, Reference};
    use super::*;
    use crate::judge::metrics::measure;
    use crate::judge::samples;
    use crate::scenario::list::{BASE, SCENARIOS};

    fn met(id: &'static str, sizes: &[u64]) -> Vec<bool> {
        let configs = [samples::config(25_000, 25_000)];
        let metrics = measure(&samples::records(sizes), &configs, &[]);
        let scenario = Scenario { id, ..BASE };
        let gates = gates(&scenario, &metrics, 25.0, &Reference::default());
        gates.iter().map(|gate| gate.met).collect()
    }

    #[test]
    fn limits_of_the_suites() {
        for (id, within, off) in [
            ("F1", 1099, 1101),
            ("F1", 901, 899),
            ("F2", 1299, 1301),
            ("F3", 1099, 1101),
            ("F5", 1199, 1201),
            ("F5", 851, 849),
        ] {
            assert!(met(id, &[within; 300]).iter().all(|&met| met), "{id}");
            assert!(met(id, &[off; 300]).contains(&false), "{id}");
        }
        // A debt of 500 ms and a frame are 13500 bits.
        let mut sizes = [1000; 300];
        sizes[0] = 14_500;
        assert_eq!(met("F4", &sizes), [true, true]);
        sizes[0] = 14_501;
        assert_eq!(met("F4", &sizes), [true, false]);
        let mut sizes = [1000; 300];
        sizes[0] = 9000;
        sizes[100..110].fill(3001);
        assert_eq!(met("F6", &sizes), [true, true, true]);
        sizes[120] = 3001;
        assert_eq!(met("F6", &sizes), [true, false, true]);
        sizes[100] = 8001;
        assert_eq!(met("F6", &sizes), [true, false, false]);
        let mut sizes = [990; 100];
        sizes[0] = 5000;
        assert_eq!(met("F7", &sizes), [true, true, true, false, true, true]);
        sizes[1..6].fill(100);
        assert_eq!(met("F7", &sizes), [true; 6]);
        sizes[0] = 5001;
        sizes[50] = 2501;
        assert_eq!(met("F7", &sizes)[3..], [true, false, false]);
    }

    #[test]
    fn all_of_them_are_run() {
        for n in 1..=7 {
            let id = format!("F{n}");
            assert!(SCENARIOS.iter().any(|s| s.id == id), "{id}");
        }
    }
}
