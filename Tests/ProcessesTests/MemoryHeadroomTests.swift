import Testing

@testable import Processes

@Suite struct MemoryHeadroomTests {
  private static let unified =
    "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
  private static let memory = "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
  private static let other = "32 24 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct"

  private func folders(_ groups: String, _ mounts: [String]) -> [String] {
    MemoryHeadroom.folders(
      groups: Array(groups.utf8), mounts: Array(mounts.joined(separator: "\n").utf8))
  }

  @Test func `the cgroups above count, too`() {
    #expect(
      folders("0::/system.slice/app.service\n", [Self.unified, Self.other]) == [
        "/sys/fs/cgroup/system.slice/app.service", "/sys/fs/cgroup/system.slice",
        "/sys/fs/cgroup",
      ])
  }

  @Test func `the memory controller of the first version has a hierarchy of its own`() {
    #expect(
      folders("5:cpu,cpuacct:/x\n3:memory:/a\n0::/\n", [Self.memory, Self.other]) == [
        "/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory",
      ])
  }

  @Test(arguments: ["", ":", "0:", "0::", "0::/../x", "x\n\n:::", "3:memory:/a:b"])
  func `odd lines do no harm`(groups: String) {
    for folder in folders(groups, [Self.unified, Self.memory, "", "-", "a b c - cgroup2"]) {
      #expect(folder.hasPrefix("/sys/fs/cgroup"))
      #expect(!folder.contains(".."))
    }
  }

  @Test func `available memory is read`() {
    #expect(
      MemoryHeadroom.available(parsing: Array("MemFree: 1 kB\nMemAvailable:   23 kB\n".utf8)) == 23
        << 10)
    #expect(MemoryHeadroom.available(parsing: Array("MemAvailable: x kB\n".utf8)) == nil)
    #expect(
      MemoryHeadroom.available(parsing: Array("MemAvailable: 99999999999999999 kB\n".utf8)) == nil)
    #expect(MemoryHeadroom.available(parsing: []) == nil)
  }
}
