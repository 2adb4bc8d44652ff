import HTTP
import Model
import Wire

extension APIServer {
    /// `GET` (WebSocket) of a pod's exec.
    func exec(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        throw .noSuchResource
    }
}
