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
    Analysis,
    Encoder,
    Error,
    Picture,
    Source,
    Stats,
    Unit, //
};

use crate::control_block::{
    ControlBlock,
    CONTROL_SIZE, //
};
use crate::descriptor::{
    BadField,
    Job,
    Measurement,
    Size,
    SliceHeader,
    SourcePlanes,
    Task, //
};
use crate::device::{
    Start,
    SHARING_HINT, //
};
use crate::dma::Access;
use crate::generation::Generation;
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

/// What became of a job that went well.
pub(crate) struct Done {
    pub(crate) stats: Stats,
    pub(crate) analysis: Analysis,
    /// Bytes that the job had for its output.
    pub(crate) output_size: u32,
    /// Size of the picture whose reconstruction there is now.
    pub(crate) coded: Option<Size>,
}

/// What a descriptor points to, checked.
struct Parts<'a> {
    entries: &'a [UnitEntry],
    header: &'a [u8],
    control: Option<&'a ControlBlock>,
}

/// The engine and the memory of this process that jobs use one after another.
pub(crate) struct Engine {
    generation: Generation,
    threads: usize,
    encoder: Encoder,
    source: [Vec<u8>; 3],
    qp_map: Vec<u8>,
    references: Vec<Vec<u8>>,
    recon: Vec<u8>,
    output: Vec<u8>,
}

impl Engine {
    pub(crate) fn new(generation: Generation, threads: usize) -> Self {
        Self {
            generation,
            threads,
            encoder: Encoder::new(threads),
            source: Default::default(),
            qp_map: Vec::new(),
            references: vec![Vec::new(); generation.references() as usize],
            recon: Vec::new(),
            output: Vec::new(),
        }
    }

    /// The reconstruction of the last picture.
    pub(crate) fn recon(&self) -> &[u8] {
        &self.recon
    }

    /// Runs a job, whose descriptor was checked to be readable, unless a reset comes first.
    pub(crate) fn run(&mut self, memory: &Memory<'_>, start: &Start) -> Result<Done, Failure> {
        let descriptor = start.descriptor;
        let mut bytes = vec![0; self.generation.descriptor_size()];
        memory.read(descriptor, &mut bytes)?;
        if bytes.iter().all(|&byte| byte == 0) {
            // With share=off QEMU hands out a file, and keeps what the guest writes to itself.
            log::warn!("the descriptor at {descriptor:#x} is all zero; {SHARING_HINT}");
        }
        match Task::parse(self.generation, &bytes)? {
            Task::Encode(job) => self.code(memory, start, &job),
            Task::Measure(measurement) => self.measure(memory, &start.abandoned, &measurement),
        }
    }

    fn code(&mut self, memory: &Memory<'_>, start: &Start, job: &Job) -> Result<Done, Failure> {
        check_ranges(memory, job)?;
        let mut table = vec![0; usize::from(job.unit_count) * UNIT_SIZE];
        memory.read(job.units, &mut table)?;
        let entries = units::parse(&table, job)?;
        let control = read_control(memory, self.generation, job)?;
        let mut header = vec![0; job.header_size as usize];
        memory.read(job.header, &mut header)?;
        self.read_source(memory, job.source.as_ref())?;
        let qp_map_size = job.qp_map.line_bytes * job.qp_map.lines;
        self.qp_map.resize(qp_map_size as usize, 0);
        memory.read_plane(&job.qp_map, &mut self.qp_map)?;
        self.read_references(memory, &job.references, &job.size)?;

        let mut unit_bytes = vec![0; entries.len()];
        let parts = Parts {
            entries: &entries,
            header: &header,
            control: control.as_ref(),
        };
        let stats = self.encode(&start.abandoned, job, &parts, &mut unit_bytes)?;

        memory.write(job.output, &self.output[..stats.bytes as usize])?;
        if let Some(recon) = job.recon {
            memory.write(recon, &self.recon)?;
        }
        for (i, bytes) in unit_bytes.iter().enumerate() {
            let at = job.units + (i * UNIT_SIZE + BYTES_OFFSET) as u64;
            memory.write(at, &bytes.to_le_bytes())?;
        }
        Ok(Done {
            stats,
            analysis: Analysis::default(),
            output_size: job.output_size,
            coded: Some(job.size),
        })
    }

    fn measure(
        &mut self,
        memory: &Memory<'_>,
        stop: &AtomicBool,
        measurement: &Measurement,
    ) -> Result<Done, Failure> {
        let size = &measurement.size;
        check_source(memory, &measurement.source)?;
        if let Some(reference) = measurement.reference {
            memory.check(reference, size.recon_size().into(), Access::Read)?;
        }
        self.read_source(memory, Some(&measurement.source))?;
        self.read_references(memory, measurement.reference.as_slice(), size)?;
        let source = source_of(&self.source, &measurement.source, size);
        let reference = measurement.reference.map(|_| &self.references[0][..]);
        let (width_mbs, height_mbs) = (size.width_mbs.into(), size.height_mbs.into());
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            self.encoder
                .analyse_unless(stop, width_mbs, height_mbs, &source, reference)
        }));
        Ok(Done {
            stats: Stats::default(),
            analysis: self.judge(outcome)?,
            output_size: 0,
            coded: None,
        })
    }

    fn read_source(
        &mut self,
        memory: &Memory<'_>,
        source: Option<&SourcePlanes>,
    ) -> Result<(), Failure> {
        for (i, data) in self.source.iter_mut().enumerate() {
            let plane = source.map(|s| s.planes[i]).unwrap_or_default();
            data.resize(plane.line_bytes as usize * plane.lines as usize, 0);
            memory.read_plane(&plane, data)?;
        }
        Ok(())
    }

    fn read_references(
        &mut self,
        memory: &Memory<'_>,
        addresses: &[u64],
        size: &Size,
    ) -> Result<(), Failure> {
        for (&addr, data) in addresses.iter().zip(&mut self.references) {
            data.resize(size.recon_size() as usize, 0);
            memory.read(addr, data)?;
        }
        Ok(())
    }

    fn encode(
        &mut self,
        stop: &AtomicBool,
        job: &Job,
        parts: &Parts<'_>,
        unit_bytes: &mut [u32],
    ) -> Result<Stats, Failure> {
        let slice_header = job.slice_header.as_ref().map(SliceHeader::for_engine);
        let units: Vec<_> = parts
            .entries
            .iter()
            .map(|entry| Unit {
                start_code: entry.start_code,
                bits: &parts.header[entry.bits.clone()],
                bit_length: entry.bit_length,
                rows: entry.rows,
                header: slice_header.as_ref().filter(|_| entry.rows.is_some()),
            })
            .collect();
        let source = job.source.as_ref();
        let qp_offsets: Vec<_> = self.qp_map.iter().map(|&offset| offset as i8).collect();
        let picture = Picture {
            width_mbs: job.size.width_mbs.into(),
            height_mbs: job.size.height_mbs.into(),
            source: source.map(|source| source_of(&self.source, source, &job.size)),
            picture_type: job.picture_type,
            qp: job.qp,
            chroma_qp_index_offset: job.chroma_qp_offset,
            second_chroma_qp_index_offset: job.second_chroma_qp_offset,
            deblocking: job.deblocking,
            entropy_coding: job.entropy_coding,
            transform_8x8: job.transform_8x8,
            qp_offsets: &qp_offsets,
            in_frame: parts.control.map(ControlBlock::for_engine),
            measure_sse: job.measure_sse,
            forced_intra: &job.forced_intra,
            units: &units,
        };
        self.recon.resize(job.size.recon_size() as usize, 0);
        let size = picture.output_bound().min(u64::from(job.output_size));
        self.output.resize(size as usize, 0);
        let references: Vec<_> = self.references[..job.references.len()]
            .iter()
            .map(Vec::as_slice)
            .collect();
        // The device outlives a mistake in the engine, as hardware outlives a bad picture.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            self.encoder.encode_unless(
                stop,
                &picture,
                &references,
                &mut self.recon,
                &mut self.output,
                unit_bytes,
            )
        }));
        let stats = self.judge(outcome)?;
        let total: u64 = unit_bytes.iter().map(|&n| u64::from(n)).sum();
        if total != u64::from(stats.bytes) || total > size {
            log::error!("units of {total} bytes in {} of {size}", stats.bytes);
            return Err(Failure::Internal);
        }
        Ok(stats)
    }

    /// What the engine came to, which may have panicked.
    fn judge<T>(&mut self, outcome: std::thread::Result<Result<T, Error>>) -> Result<T, Failure> {
        match outcome {
            Ok(Ok(value)) => Ok(value),
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

/// Reads the in-frame control block of a job that has one.
fn read_control(
    memory: &Memory<'_>,
    generation: Generation,
    job: &Job,
) -> Result<Option<ControlBlock>, Failure> {
    let Some(addr) = job.control else {
        return Ok(None);
    };
    let mut bytes = [0; CONTROL_SIZE];
    memory.read(addr, &mut bytes)?;
    Ok(Some(ControlBlock::parse(generation, &bytes, job)?))
}

/// The source in memory of this process, as the engine takes it.
fn source_of<'a>(memory: &'a [Vec<u8>; 3], source: &SourcePlanes, size: &Size) -> Source<'a> {
    Source {
        format: source.format,
        width: size.width.into(),
        height: size.height.into(),
        planes: memory.each_ref().map(Vec::as_slice),
        strides: source.planes.map(|plane| plane.line_bytes as usize),
    }
}

/// Checks every range that the job accesses, so that it writes nothing before all are known.
fn check_ranges(memory: &Memory<'_>, job: &Job) -> Result<(), Failure> {
    if let Some(source) = &job.source {
        check_source(memory, source)?;
    }
    memory.check(job.qp_map.addr, job.qp_map.extent(), Access::Read)?;
    let recon_size = u64::from(job.size.recon_size());
    for &reference in &job.references {
        memory.check(reference, recon_size, Access::Read)?;
    }
    if let Some(recon) = job.recon {
        memory.check(recon, recon_size, Access::Write)?;
    }
    memory.check(job.output, job.output_size.into(), Access::Write)?;
    memory.check(job.header, job.header_size.into(), Access::Read)?;
    if let Some(control) = job.control {
        memory.check(control, CONTROL_SIZE as u64, Access::Read)?;
    }
    let table_size = u64::from(job.unit_count) * UNIT_SIZE as u64;
    memory.check(job.units, table_size, Access::ReadWrite)?;
    Ok(())
}

/// Checks the planes of a source.
fn check_source(memory: &Memory<'_>, source: &SourcePlanes) -> Result<(), Failure> {
    for plane in &source.planes {
        memory.check(plane.addr, plane.extent(), Access::Read)?;
    }
    Ok(())
}
