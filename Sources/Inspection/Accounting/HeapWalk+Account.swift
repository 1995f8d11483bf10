package import AllocationModel

extension HeapWalk {
  /// What the heap is made of, and what all the resident memory of its process goes into.
  package func account(in image: ProcessImage) -> HeapAccount {
    let resident = AddressRuns(merging: image.regions.flatMap(\.resident))
    var account = HeapAccountant(of: self, pid: image.pid, resident: resident).account
    let heap = AddressRuns(merging: heapRanges + allocatorRanges)
    ResidentMappings(of: image, without: heap).add(to: &account.residence)
    account.residence.kernelBytes = image.residentByteCount
    return account
  }
}
