import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Closes a connection whose client has not taken a response after some time.
///
/// Used by the event loop of its connection.
final class StalledResponseHandler: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let limit: TimeAmount
  private var closing: Scheduled<Void>?

  init(limit: TimeAmount) {
    self.limit = limit
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let part = unwrapOutboundIn(data)
    if case .head = part {
      closing?.cancel()
      let channel = context.channel
      closing = context.eventLoop.scheduleTask(in: limit) {
        channel.close(mode: .all, promise: nil)
      }
    }
    guard case .end = part else {
      context.write(wrapOutboundOut(part), promise: promise)
      return
    }
    // The end is written when the client has taken all before it.
    let taken = promise ?? context.eventLoop.makePromise(of: Void.self)
    let closing = closing
    taken.futureResult.whenComplete { _ in closing?.cancel() }
    context.write(wrapOutboundOut(part), promise: taken)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    closing?.cancel()
  }
}
