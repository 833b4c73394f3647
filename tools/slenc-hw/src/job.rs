// SPDX-License-Identifier: GPL-2.0

//! A job from its descriptor to its output.
//!
//! The guest shares all memory and may change it while the job runs. So each thing is copied
//! once into memory of this process, and checked and used there.

use std::panic::{
    catch_unwind,
    AssertUnwindSafe, //
};
use std::sync::atomic::AtomicBool;

use slenc_engine::{
    Encoder,
    Error,
    Picture,
    Source,
    Stats,
    Unit, //
};

use crate::descriptor::{
    BadField,
    Job,
    DESCRIPTOR_SIZE, //
};
use crate::device::{
    Start,
    SHARING_HINT, //
};
use crate::dma::Access;
use crate::memory::{
    AccessError,
    Memory, //
};
use crate::result::{
    ResultBlock,
    Status, //
};
use crate::units::{
    self,
    UnitEntry,
    BYTES_OFFSET,
    UNIT_SIZE, //
};

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Abandoned,
    BadField(BadField),
    Fault(u64),
    OutputFull,
    Internal,
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Abandoned => Self::Abandoned,
            AccessError::Fault(addr) => Self::Fault(addr),
        }
    }
}

impl From<BadField> for Failure {
    fn from(field: BadField) -> Self {
        Self::BadField(field)
    }
}

impl Failure {
    /// The result block that reports it; `None` when nothing is to be reported.
    pub(crate) fn to_result(self) -> Option<ResultBlock> {
        Some(match self {
            Self::Abandoned => return None,
            Self::BadField(BadField(error_info)) => ResultBlock {
                error_info,
                ..ResultBlock::new(Status::BadDescriptor)
            },
            Self::Fault(error_addr) => ResultBlock {
                error_addr,
                ..ResultBlock::new(Status::DmaFault)
            },
            Self::OutputFull => ResultBlock::new(Status::OutputFull),
            Self::Internal => ResultBlock::new(Status::Internal),
        })
    }
}

/// The engine and the memory of this process that jobs use one after another.
pub(crate) struct Engine {
    threads: usize,
    encoder: Encoder,
    source: [Vec<u8>; 3],
    reference: Vec<u8>,
    recon: Vec<u8>,
    output: Vec<u8>,
}

impl Engine {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            threads,
            encoder: Encoder::new(threads),
            source: Default::default(),
            reference: Vec::new(),
            recon: Vec::new(),
            output: Vec::new(),
        }
    }

    /// The reconstruction of the last picture.
    pub(crate) fn recon(&self) -> &[u8] {
        &self.recon
    }

    /// Runs a job, whose descriptor was checked to be readable, unless a reset comes first.
    pub(crate) fn run(
        &mut self,
        memory: &Memory<'_>,
        start: &Start,
    ) -> Result<(Job, Stats), Failure> {
        let descriptor = start.descriptor;
        let mut bytes = [0; DESCRIPTOR_SIZE];
        memory.read(descriptor, &mut bytes)?;
        if bytes == [0; DESCRIPTOR_SIZE] {
            // With share=off QEMU hands out a file, and keeps what the guest writes to itself.
            log::warn!("the descriptor at {descriptor:#x} is all zero; {SHARING_HINT}");
        }
        let job = Job::parse(&bytes)?;
        check_ranges(memory, &job)?;

        let mut table = vec![0; usize::from(job.unit_count) * UNIT_SIZE];
        memory.read(job.units, &mut table)?;
        let entries = units::parse(&table, job.header_size, job.height_mbs)?;
        let mut header = vec![0; job.header_size as usize];
        memory.read(job.header, &mut header)?;
        self.read_pictures(memory, &job)?;

        let mut unit_bytes = vec![0; entries.len()];
        let stats = self.encode(&start.abandoned, &job, &entries, &header, &mut unit_bytes)?;

        memory.write(job.output, &self.output[..stats.bytes as usize])?;
        if let Some(recon) = job.recon {
            memory.write(recon, &self.recon)?;
        }
        for (i, bytes) in unit_bytes.iter().enumerate() {
            let at = job.units + (i * UNIT_SIZE + BYTES_OFFSET) as u64;
            memory.write(at, &bytes.to_le_bytes())?;
        }
        Ok((job, stats))
    }

    fn read_pictures(&mut self, memory: &Memory<'_>, job: &Job) -> Result<(), Failure> {
        for (i, data) in self.source.iter_mut().enumerate() {
            let plane = job.source.map(|s| s.planes[i]).unwrap_or_default();
            data.resize(plane.line_bytes as usize * plane.lines as usize, 0);
            memory.read_plane(&plane, data)?;
        }
        if let Some(reference) = job.reference {
            self.reference.resize(job.recon_size() as usize, 0);
            memory.read(reference, &mut self.reference)?;
        }
        Ok(())
    }

    fn encode(
        &mut self,
        stop: &AtomicBool,
        job: &Job,
        entries: &[UnitEntry],
        header: &[u8],
        unit_bytes: &mut [u32],
    ) -> Result<Stats, Failure> {
        let units: Vec<_> = entries
            .iter()
            .map(|entry| Unit {
                start_code: entry.start_code,
                bits: &header[entry.bits.clone()],
                bit_length: entry.bit_length,
                rows: entry.rows,
                ..Unit::default()
            })
            .collect();
        let source = job.source.map(|source| Source {
            format: source.format,
            width: job.width.into(),
            height: job.height.into(),
            planes: [&self.source[0], &self.source[1], &self.source[2]],
            strides: source.planes.map(|plane| plane.line_bytes as usize),
        });
        let picture = Picture {
            width_mbs: job.width_mbs.into(),
            height_mbs: job.height_mbs.into(),
            source,
            picture_type: job.picture_type,
            qp: job.qp,
            chroma_qp_index_offset: job.chroma_qp_index_offset,
            deblocking: job.deblocking,
            forced_intra: &job.forced_intra,
            units: &units,
            ..Picture::default()
        };
        self.recon.resize(job.recon_size() as usize, 0);
        let size = output_bound(job, entries).min(u64::from(job.output_size));
        self.output.resize(size as usize, 0);
        let reference = job.reference.map(|_| &self.reference[..]);
        // The device outlives a mistake in the engine, as hardware outlives a bad picture.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            self.encoder.encode_unless(
                stop,
                &picture,
                reference.as_slice(),
                &mut self.recon,
                &mut self.output,
                unit_bytes,
            )
        }));
        match outcome {
            Ok(Ok(stats)) => {
                let total: u64 = unit_bytes.iter().map(|&n| u64::from(n)).sum();
                if total != u64::from(stats.bytes) || total > size {
                    log::error!("units of {total} bytes in {} of {size}", stats.bytes);
                    return Err(Failure::Internal);
                }
                Ok(stats)
            }
            Ok(Err(Error::OutputFull)) => Err(Failure::OutputFull),
            Ok(Err(Error::Stopped)) => Err(Failure::Abandoned),
            Ok(Err(error)) => {
                log::error!("a checked job was refused: {error}");
                Err(Failure::Internal)
            }
            Err(_) => {
                self.encoder = Encoder::new(self.threads);
                Err(Failure::Internal)
            }
        }
    }
}

/// Checks every range that the job accesses, so that it writes nothing before all are known.
fn check_ranges(memory: &Memory<'_>, job: &Job) -> Result<(), Failure> {
    for plane in job.source.iter().flat_map(|source| &source.planes) {
        memory.check(plane.addr, plane.extent(), Access::Read)?;
    }
    let recon_size = u64::from(job.recon_size());
    if let Some(reference) = job.reference {
        memory.check(reference, recon_size, Access::Read)?;
    }
    if let Some(recon) = job.recon {
        memory.check(recon, recon_size, Access::Write)?;
    }
    memory.check(job.output, job.output_size.into(), Access::Write)?;
    memory.check(job.header, job.header_size.into(), Access::Read)?;
    let table_size = u64::from(job.unit_count) * UNIT_SIZE as u64;
    memory.check(job.units, table_size, Access::ReadWrite)?;
    Ok(())
}

/// Most bytes that a job can write, whatever the guest says it has room for: at most 3200 bits a
/// macroblock (ITU-T H.264, A.3.1), the given bits, start codes, a byte for each unit's trailing
/// bits, and one emulation prevention byte for each two others.
fn output_bound(job: &Job, entries: &[UnitEntry]) -> u64 {
    let bits: u64 = entries.iter().map(|entry| entry.bits.len() as u64).sum();
    let payload = bits + u64::from(job.macroblocks()) * 3200 / 8 + entries.len() as u64;
    payload + payload / 2 + 4 * entries.len() as u64
}
