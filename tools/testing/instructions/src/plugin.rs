// SPDX-License-Identifier: GPL-2.0

//! The plugin as QEMU sees it: version 7 of its interface, that of QEMU 11.1.
//!
//! Code that QEMU translates gets an addition for each instruction, made inline each time
//! it is executed. A mark calls back. All functions here run with QEMU's own locks held or
//! on its single thread of emulation; the mutex is for the language.

use crate::code::{
    Counters,
    Mark, //
};
use std::{
    ffi::{
        c_char,
        c_int,
        c_uint,
        c_void,
        CStr,
        OsStr, //
    },
    fs::File,
    io::{
        self,
        BufWriter,
        Write, //
    },
    os::unix::ffi::OsStrExt,
    ptr,
    sync::{
        Mutex,
        OnceLock, //
    },
};

/// A translated block of code, QEMU's.
#[repr(C)]
struct Block([u8; 0]);
/// An instruction in one, QEMU's.
#[repr(C)]
struct Instruction([u8; 0]);
/// Memory for each virtual CPU, QEMU's.
#[repr(C)]
struct Board([u8; 0]);

/// struct qemu_plugin_u64: a counter in a board.
#[derive(Clone, Copy)]
#[repr(C)]
struct Entry {
    board: *mut Board,
    offset: usize,
}

/// enum qemu_plugin_op: QEMU_PLUGIN_INLINE_ADD_U64.
const ADD: c_int = 0;
/// enum qemu_plugin_cb_flags: QEMU_PLUGIN_CB_NO_REGS.
const NO_REGISTERS: c_int = 0;

extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(
        id: u64,
        callback: extern "C" fn(*mut Block, *mut c_void),
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Instruction,
        callback: extern "C" fn(c_uint, *mut c_void),
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
        instruction: *mut Instruction,
        op: c_int,
        entry: Entry,
        operand: u64,
    );
    fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut Instruction;
    fn qemu_plugin_insn_data(
        instruction: *const Instruction,
        to: *mut c_void,
        size: usize,
    ) -> usize;
    fn qemu_plugin_insn_size(instruction: *const Instruction) -> usize;
    fn qemu_plugin_insn_vaddr(instruction: *const Instruction) -> u64;
    fn qemu_plugin_scoreboard_new(size: usize) -> *mut Board;
    fn qemu_plugin_u64_sum(entry: Entry) -> u64;
}

/// Counters in the board, for 4 MiB of code: more than a kernel executes.
const ENTRIES: usize = 1 << 18;

struct Plugin {
    counters: Counters,
    board: *mut Board,
    /// What each counter held at the mark that began.
    begun: Vec<u64>,
    /// Times that an end was marked.
    measured: u32,
    to: BufWriter<File>,
}

// SAFETY: The board belongs to QEMU, which has locks of its own for it.
unsafe impl Send for Plugin {}

static PLUGIN: OnceLock<Mutex<Plugin>> = OnceLock::new();

/// Calls a function with the plugin. QEMU calls back after installation only.
fn with(call: impl FnOnce(&mut Plugin)) {
    if let Some(Ok(mut plugin)) = PLUGIN.get().map(Mutex::lock) {
        call(&mut plugin);
    }
}

impl Plugin {
    fn entry(&self, index: usize) -> Entry {
        assert!(index < ENTRIES, "more code than there are counters");
        Entry {
            board: self.board,
            offset: index * size_of::<u64>(),
        }
    }

    /// What the counters hold.
    fn values(&self) -> Vec<u64> {
        (0..self.counters.starts().len())
            // SAFETY: The entry lies in the board, which is never freed.
            .map(|index| unsafe { qemu_plugin_u64_sum(self.entry(index)) })
            .collect()
    }

    /// Writes what was counted since the beginning: for each counter that moved a line
    /// "MEASURE ADDRESS INSTRUCTIONS".
    fn write(&mut self) -> io::Result<()> {
        let before = self.begun.iter().copied().chain(std::iter::repeat(0));
        let values = self.values();
        for ((start, now), before) in self.counters.starts().iter().zip(values).zip(before) {
            if now != before {
                writeln!(self.to, "{} {start:016x} {}", self.measured, now - before)?;
            }
        }
        self.measured += 1;
        self.to.flush()
    }

    /// Has an instruction counted, and calls back if it is a mark.
    ///
    /// # Safety
    ///
    /// The instruction is one of the block that QEMU translates.
    unsafe fn instrument(&mut self, instruction: *mut Instruction) {
        // SAFETY: By this function's contract.
        let (address, size) = unsafe {
            (
                qemu_plugin_insn_vaddr(instruction),
                qemu_plugin_insn_size(instruction),
            )
        };
        let index = self.counters.of(address);
        let entry = self.entry(index);
        // SAFETY: By this function's contract; the entry lies in the board, which is
        // never freed.
        unsafe { qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, ADD, entry, 1) };
        if size != Mark::BYTES {
            return;
        }
        let mut bytes = [0; Mark::BYTES];
        // SAFETY: By this function's contract; QEMU writes no more than the size says.
        let copied =
            unsafe { qemu_plugin_insn_data(instruction, bytes.as_mut_ptr().cast(), bytes.len()) };
        let callback = match bytes.get(..copied).and_then(Mark::of) {
            Some(Mark::Begin) => begin,
            Some(Mark::End) => end,
            None => return,
        };
        // SAFETY: By this function's contract; the callbacks want no data.
        unsafe {
            qemu_plugin_register_vcpu_insn_exec_cb(
                instruction,
                callback,
                NO_REGISTERS,
                ptr::null_mut(),
            );
        }
    }
}

extern "C" fn translated(block: *mut Block, _: *mut c_void) {
    with(|plugin| {
        // SAFETY: QEMU's block lives as long as this callback, and so do its
        // instructions, of which there are as many as it says.
        unsafe {
            for index in 0..qemu_plugin_tb_n_insns(block) {
                plugin.instrument(qemu_plugin_tb_get_insn(block, index));
            }
        }
    });
}

extern "C" fn begin(_: c_uint, _: *mut c_void) {
    with(|plugin| plugin.begun = plugin.values());
}

extern "C" fn end(_: c_uint, _: *mut c_void) {
    with(|plugin| {
        if let Err(err) = plugin.write() {
            eprintln!("instructions: cannot write what was counted: {err}");
        }
    });
}

/// The interface that this is written for.
#[no_mangle]
#[allow(non_upper_case_globals, reason = "QEMU's name")]
pub static qemu_plugin_version: c_int = 7;

/// Installs the plugin, which has one argument: to=FILE.
///
/// # Safety
///
/// QEMU calls it, with an array of as many strings as it says.
#[expect(clippy::disallowed_methods, reason = "disallowed in the kernel")]
#[no_mangle]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    _info: *const c_void,
    count: c_int,
    arguments: *const *const c_char,
) -> c_int {
    let argument = match count {
        // SAFETY: There is one string.
        1 => unsafe { CStr::from_ptr(*arguments) }.to_bytes(),
        _ => b"",
    };
    let Some(path) = argument.strip_prefix(b"to=") else {
        eprintln!("instructions: the argument is to=FILE");
        return -1;
    };
    let to = match File::create(OsStr::from_bytes(path)) {
        Ok(file) => BufWriter::new(file),
        Err(err) => {
            eprintln!("instructions: {}: {err}", String::from_utf8_lossy(path));
            return -1;
        }
    };
    let plugin = Plugin {
        counters: Counters::new(),
        // SAFETY: QEMU has its plugins' memory ready when it installs them.
        board: unsafe { qemu_plugin_scoreboard_new(ENTRIES * size_of::<u64>()) },
        begun: Vec::new(),
        measured: 0,
        to,
    };
    if PLUGIN.set(Mutex::new(plugin)).is_err() {
        eprintln!("instructions: the plugin is installed twice");
        return -1;
    }
    // SAFETY: The identity is this plugin's, and the callback wants no data.
    unsafe { qemu_plugin_register_vcpu_tb_trans_cb(id, translated, ptr::null_mut()) };
    0
}
