import AllocationProbes
import Executables
import Glibc
import Processes

/// Whether a process can be observed at all, asked before anything is attached.
package enum TargetCheck {
  /// Throws the one sentence that says why a process can't be observed.
  ///
  /// - Throws: `ObservationError`.
  package static func check(pid: Int32) throws(ObservationError) {
    let subject = "cannot observe process \(pid)"
    guard pid > 0 else {
      throw ObservationError(.usage, "\(subject): a process id is a number from 1 on")
    }
    guard pid != getpid() else {
      throw ObservationError(
        .targetUnobservable,
        "\(subject): that is heaptap itself, whose own allocations would never end; choose another process"
      )
    }
    let directory = ProcessDirectory(pid: pid)
    do throws(ProcessError) {
      let status = try directory.status()
      guard !status.isKernelThread else {
        throw failure(
          "\(subject) (\(status.name)): it is a kernel thread, which has no heap; choose a user process"
        )
      }
      guard !status.isZombie else {
        throw failure("\(subject) (\(status.name)): it has already ended and waits for its parent")
      }
      guard status.threadGroup == pid else {
        throw failure(
          "\(subject) (\(status.name)): it is a thread of process \(status.threadGroup); use --pid \(status.threadGroup)"
        )
      }
      try checkExecutable(of: directory, name: status.name, subject: subject)
    } catch {
      throw observationError(error, pid: pid)
    }
  }

  /// Whether this process sees the process ids that the kernel programs see.
  ///
  /// - Throws: `ObservationError` inside a container or another PID namespace.
  package static func checkNamespace() throws(ObservationError) {
    var information = stat()
    guard stat("/proc/self/ns/pid", &information) == 0,
      information.st_ino != initialPIDNamespace
    else { return }
    throw ObservationError(
      .notPermitted,
      "cannot observe processes from inside a PID namespace: process ids here are not the kernel's;"
        + " run heaptap on the host, or in a container that shares the host's PID namespace")
  }

  /// PROC_PID_INIT_INO of the kernel's `include/linux/proc_ns.h`: the same on every machine.
  private static let initialPIDNamespace: UInt = 0xEFFF_FFFC

  /// Says why no allocator was found in a process.
  package static func noAllocator(pid: Int32) -> ObservationError {
    let name = (try? ProcessDirectory(pid: pid).status().name).map { " (\($0))" } ?? ""
    return ObservationError(
      .targetUnobservable,
      "cannot find an allocator in process \(pid)\(name): no file it maps has symbols for malloc and free;"
        + " use a dynamically linked program or one that keeps its symbols")
  }

  private static func failure(_ sentence: String) -> ProcessError {
    ProcessError(action: sentence, reason: .malformed)
  }

  private static func checkExecutable(
    of directory: ProcessDirectory, name: String, subject: String
  ) throws(ProcessError) {
    guard let executable = try? RegularFile(opening: "\(directory.path)/exe") else { return }
    guard let file = try? ELFFile(executable) else { return }
    guard file.isX86_64 else {
      let kind = file.is64Bit ? "for another processor" : "a 32-bit program"
      throw failure("\(subject) (\(name)): it is \(kind); heaptap observes x86-64 programs only")
    }
  }

  private static func observationError(_ error: ProcessError, pid: Int32) -> ObservationError {
    switch error.reason {
    case .malformed: ObservationError(.targetUnobservable, error.action)
    case .vanished:
      ObservationError(
        .targetUnobservable,
        "cannot observe process \(pid): there is no such process; look it up with ps or pgrep")
    case .notPermitted: ObservationError(.notPermitted, error.description)
    default: ObservationError(.targetUnobservable, error.description)
    }
  }
}
