// SPDX-License-Identifier: GPL-2.0

//! Curves at constant QP, each run once: most scenarios have the same frames, and differ in what
//! a controller is asked to make of them.

use std::collections::HashMap;
use std::rc::Rc;

use crate::board::PlantKind;
use crate::config::Scale;
use crate::judge::quality::ConstantQp;
use crate::plant::scale::max_qp;
use crate::plant::Plant;
use crate::run::curve;
use crate::scenario::timeline::{Planned, Timeline};
use crate::scenario::Scenario;

/// QPs over the engine, which takes its time: every so many-th.
const ENGINE_QP_STEP: usize = 4;

/// What a frame at a constant QP depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Frame {
    position: usize,
    key: bool,
    layer: usize,
    back: usize,
    size: (u32, u32),
}

/// What a curve depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: PlantKind,
    content: &'static str,
    scale: Scale,
    /// The bits of its number.
    refresh: u64,
    frames: Vec<Frame>,
}

impl Key {
    fn new(
        kind: PlantKind,
        content: &'static str,
        scenario: &Scenario,
        timeline: &Timeline,
    ) -> Self {
        let frame = |planned: &Planned| {
            let config = &timeline.configs[planned.config];
            Frame {
                position: planned.position,
                key: planned.key,
                layer: planned.layer,
                back: planned.back,
                size: (config.width, config.height),
            }
        };
        Self {
            kind,
            content,
            scale: scenario.scale,
            refresh: scenario.refresh.to_bits(),
            frames: timeline.frames.iter().map(frame).collect(),
        }
    }
}

/// All curves that were needed so far.
#[derive(Default)]
pub(crate) struct Curves(HashMap<Key, Rc<[ConstantQp]>>);

impl Curves {
    /// The frames of a timeline at the QPs of their scale, over a plant of this kind.
    pub(crate) fn of(
        &mut self,
        kind: PlantKind,
        content: &'static str,
        scenario: &Scenario,
        timeline: &Timeline,
        plant: &mut dyn Plant,
    ) -> Rc<[ConstantQp]> {
        let step = match kind {
            PlantKind::Trace => 1,
            PlantKind::Engine => ENGINE_QP_STEP,
        };
        let key = Key::new(kind, content, scenario, timeline);
        let known = self.0.entry(key).or_insert_with(|| {
            let qps = (0..=max_qp(scenario.scale)).step_by(step);
            curve(scenario, timeline, plant, qps).into()
        });
        known.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::find;
    use crate::plant::model::{Model, ModelKind};
    use crate::scenario::list::SCENARIOS;
    use crate::scenario::timeline::play;

    /// What is not in the key makes no difference: the curve that is kept is the one that would be
    /// run.
    #[test]
    fn what_is_kept_is_what_would_be_run() {
        let mut plant = Model::new(ModelKind::Cuts, 1);
        let content = find("m-cuts").expect("it is in the list");
        let mut curves = Curves::default();
        let mut runs = 0;
        for scenario in SCENARIOS {
            let scenario = scenario.at_most(Some(12));
            let config = scenario.config(content, 300_000, plant.size(), plant.rate());
            let timeline = play(&scenario, config, |position| plant.is_cut(position));
            let kept = curves.of(
                PlantKind::Trace,
                content.name,
                &scenario,
                &timeline,
                &mut plant,
            );
            let same = |qp| {
                let run = curve(&scenario, &timeline, &mut plant, [qp]);
                assert_eq!(run[0], kept[qp as usize], "{}", scenario.name());
            };
            [0, 30].into_iter().for_each(same);
            runs += 1;
        }
        // Key frames, layers, refresh, losses, sizes and scales are others; most are alike.
        let different = curves.0.len();
        assert!(
            8 < different && 2 * different < runs,
            "{different} of {runs}"
        );
    }
}
