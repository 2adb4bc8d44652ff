internal import CCurl
internal import Glibc
import Synchronization

/// A connection that libcurl opened, TLS included, and left to the caller (`CURLOPT_CONNECT_ONLY`).
///
/// libcurl allows one thread at a time and does not block here; threads wait for the socket outside the lock, so one
/// may wait for input while another sends.
final class CurlSocket: Sendable {
    private let handle: Mutex<CurlHandle>
    private let settings: CurlSettings
    private let descriptor: Int32

    init(_ settings: CurlSettings) throws(ClientError) {
        let handle = try CurlHandle()
        handle.prepare(settings)
        handle.set(CURLOPT_URL, settings.address.url)
        handle.set(CURLOPT_CONNECT_ONLY, 1)
        let code = curl_easy_perform(handle.pointer)
        guard code == CURLE_OK else { throw handle.error(code, settings) }
        descriptor = martlet_curl_socket(handle.pointer)
        self.settings = settings
        self.handle = Mutex(handle)
    }

    /// Waits for bytes; none at the end of the connection.
    func read() throws(ClientError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let (code, count) = handle.withLock { handle in
                var count = 0
                let code = curl_easy_recv(handle.pointer, &buffer, buffer.count, &count)
                return (code, count)
            }
            if code == CURLE_OK { return Array(buffer[..<count]) }
            guard code == CURLE_AGAIN else { throw failure(code) }
            wait(POLLIN)
        }
    }

    /// Sends all bytes.
    func write(_ bytes: [UInt8]) throws(ClientError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let (code, count) = handle.withLock { handle in
                var count = 0
                let code = rest.withUnsafeBytes { curl_easy_send(handle.pointer, $0.baseAddress, $0.count, &count) }
                return (code, count)
            }
            guard code == CURLE_OK || code == CURLE_AGAIN else { throw failure(code) }
            rest = rest.dropFirst(count)
            if code == CURLE_AGAIN { wait(POLLOUT) }
        }
    }

    /// Ends the connection; whoever waits for it returns.
    func cancel() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private func wait(_ events: Int32) {
        var waited = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        // An interruption is no harm: the caller tries again.
        poll(&waited, 1, -1)
    }

    private func failure(_ code: CURLcode) -> ClientError { handle.withLock { $0.error(code, settings) } }
}
