import Glibc
import LinuxSystem
import Testing

/// A thread that works for others.
@Suite struct BackgroundWorkerTests {
  @Test func `each piece of work is answered once, on another thread`() throws {
    let own = pthread_self()
    let worker = try BackgroundWorker<Int, [Int]> { number in
      [number * number, pthread_equal(pthread_self(), own) != 0 ? 1 : 0]
    }
    for number in 1...100 {
      #expect(!worker.isBusy)
      worker.begin(number)
      #expect(worker.isBusy)
      var state = pollfd(fd: worker.descriptor, events: Int16(POLLIN), revents: 0)
      #expect(poll(&state, 1, 60_000) == 1)
      #expect(worker.take() == [number * number, 0])
      #expect(worker.take() == nil)
    }
  }

  @Test func `whoever goes away waits for the work that is under way`() throws {
    final class Count: @unchecked Sendable { var value = 0 }
    let count = Count()
    do {
      let worker = try BackgroundWorker<Int, Int> { number in
        usleep(50_000)
        count.value += number
        return 0
      }
      worker.begin(1)
      usleep(10_000)
    }
    #expect(count.value == 1)
  }
}
