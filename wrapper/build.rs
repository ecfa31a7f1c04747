//! Where the wrapper's own libraries are.

/// The client puts the project's directory and the slot on the loader's path (client/app_start.cpp, `LD_LIBRARY_PATH`), and
/// there a submitter's file could be called `libc.so.6`. A DT_RPATH comes before that path, a DT_RUNPATH after it. A
/// static build has no libraries to look for.
const SYSTEM_LIBRARIES: &str = "/lib64:/usr/lib64:/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:\
                                /lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu:/lib:/usr/lib";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |key: &str, value: &str| std::env::var(key).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo:rustc-link-arg-bin=buoy-wrapper=-Wl,--disable-new-dtags,-rpath,{SYSTEM_LIBRARIES}");
    }
}
