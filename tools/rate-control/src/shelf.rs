// SPDX-License-Identifier: GPL-2.0

//! Content that has been read, its tables, and encoders over it.

use std::collections::HashMap;
use std::rc::Rc;

use slenc_pure::slenc::picture::Capabilities;

use crate::board::{Job, PlantKind};
use crate::content::{cache, Content, Sequence, Source};
use crate::curves::Curves;
use crate::plant::engine::{EnginePlant, GENERATION_2};
use crate::plant::model::Model;
use crate::plant::table::Table;
use crate::plant::trace::Trace;
use crate::plant::Plant;

/// Seed of the models.
const SEED: u64 = 1;

/// Content that has been read, its tables, and what is known of it at constant QPs.
pub(crate) struct Shelf<'a> {
    job: &'a Job,
    sequences: HashMap<&'static str, Rc<Sequence>>,
    tables: HashMap<&'static str, Rc<Table>>,
    progress: &'a dyn Fn(&str),
    pub(crate) curves: Curves,
}

impl<'a> Shelf<'a> {
    pub(crate) fn new(job: &'a Job, progress: &'a dyn Fn(&str)) -> Self {
        Self {
            job,
            sequences: HashMap::new(),
            tables: HashMap::new(),
            progress,
            curves: Curves::default(),
        }
    }

    /// Its pictures; `None` of a model.
    pub(crate) fn sequence(
        &mut self,
        content: &'static Content,
    ) -> Result<Option<Rc<Sequence>>, String> {
        if let Some(sequence) = self.sequences.get(content.name) {
            return Ok(Some(sequence.clone()));
        }
        let sequence = content.sequence(&self.job.clips)?.map(Rc::new);
        if let Some(sequence) = &sequence {
            self.sequences.insert(content.name, sequence.clone());
        }
        Ok(sequence)
    }

    fn table(
        &mut self,
        content: &'static Content,
        sequence: &Sequence,
    ) -> Result<Rc<Table>, String> {
        if let Some(table) = self.tables.get(content.name) {
            return Ok(table.clone());
        }
        let step = |done, all| (self.progress)(&format!("{}: table {done}/{all}", content.name));
        let table = cache::table(&self.job.tables, content.name, sequence, step)?;
        let table = Rc::new(table);
        self.tables.insert(content.name, table.clone());
        Ok(table)
    }

    /// The engine over the content, of hardware that can do so much; `None` of a model.
    pub(crate) fn engine(
        &mut self,
        content: &'static Content,
        able: &'static Capabilities,
    ) -> Result<Option<EnginePlant>, String> {
        let sequence = self.sequence(content)?;
        Ok(sequence.map(|sequence| EnginePlant::new(sequence, able)))
    }

    /// An encoder over the content; `None` where the plant has no pictures of it.
    pub(crate) fn plant(
        &mut self,
        kind: PlantKind,
        content: &'static Content,
    ) -> Result<Option<Box<dyn Plant>>, String> {
        let Some(sequence) = self.sequence(content)? else {
            let Source::Model(model) = content.source else {
                return Ok(None);
            };
            let modelled = kind == PlantKind::Trace;
            return Ok(modelled.then(|| Box::new(Model::new(model, SEED)) as Box<dyn Plant>));
        };
        Ok(Some(match kind {
            PlantKind::Trace => Box::new(Trace::new(self.table(content, &sequence)?)),
            PlantKind::Engine => Box::new(EnginePlant::new(sequence, &GENERATION_2)),
        }))
    }
}
