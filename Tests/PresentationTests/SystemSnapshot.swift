import AllocationModel

/// A machine with a few hundred processes, some of which grow.
let systemSnapshot: Snapshot = {
  var snapshot = sampleSnapshot
  snapshot.targets = snapshot.targets.enumerated().map { index, target in
    var target = target
    target.executable = index == 0 ? "/usr/sbin/session-server" : "/opt/app/bin/migrate"
    target.cgroup = index == 0 ? "/system.slice/session-server.service" : nil
    target.heapBytes = 96 << 20
    target.peakAnonymousBytes = 121_000_000
    if index == 0 {
      target.anonymousGrowth = GrowthRate(bytesPerSecond: 43_000, low: 40_000, high: 46_000)
    }
    return target
  }
  var cut = TargetSnapshot(
    pid: 5120, name: "batch-importer", executable: "/opt/app/bin/batch-importer",
    cgroup: "/system.slice/importer.service", counters: AllocationCounters(),
    hasExited: true, ending: .outOfMemory)
  cut.peakAnonymousBytes = 2 << 30
  cut.anonymousGrowth = GrowthRate(bytesPerSecond: 9e6, low: 8e6, high: 1e7)
  snapshot.targets.append(cut)
  for index in 0..<240 {
    let isGo = index % 3 == 0
    let size = UInt64(index * index) << 12
    var target = TargetSnapshot(
      pid: Int32(20_000 + index), startTicks: UInt64(index), name: isGo ? "node_exporter" : "nginx",
      parent: 1, executable: isGo ? "/usr/bin/node_exporter" : "/usr/sbin/nginx",
      cgroup: "/system.slice/\(isGo ? "node" : "nginx").service",
      mode: isGo ? .census : .exact,
      counters: AllocationCounters(allocatedBytes: isGo ? 0 : size, allocatedBlocks: isGo ? 0 : 9),
      residentBytes: size + 4096, residentAnonymousBytes: size, heapBytes: size * 2,
      obstacle: isGo ? "it is a Go program: Go's heap is not seen" : nil)
    target.peakAnonymousBytes = size
    if index > 228 {
      let rate = Double(index - 228) * 900
      target.anonymousGrowth = GrowthRate(bytesPerSecond: rate, low: rate - 800, high: rate + 800)
    }
    snapshot.targets.append(target)
  }
  return snapshot
}()
