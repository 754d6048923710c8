// StageTimer: `--timer`, the time of each stage, as a tree. All layers share one branch.

import Foundation
import Support

/// Sums the time and the work of every stage.
final class StageTimer: StageObserver, CustomStringConvertible {
    private final class Node {
        let name: String
        var children: [Node] = []
        var calls = 0
        var seconds = 0.0
        var operations = 0.0
        var bytes = 0.0

        init(_ name: String) { self.name = name }

        func child(_ name: String) -> Node {
            if let child = children.first(where: { $0.name == name }) { return child }
            children.append(Node(name))
            return children.last!
        }
    }

    private let clock = ContinuousClock()
    private let root = Node("")
    private var open: [(node: Node, start: ContinuousClock.Instant, work: MatmulWork)] = []

    func begin(_ path: StagePath, at positions: Range<Int>) {
        // "layers.12" is "layers", "attention.wq" is "wq"
        let name = path.name.split(separator: ".").last { Int($0) == nil } ?? ""
        let node = (open.last?.node ?? root).child(String(name))
        open.append((node, clock.now, .sinceStart))
    }

    func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
        let (node, start, work) = open.removeLast()
        let now = MatmulWork.sinceStart
        node.calls += 1
        node.seconds += (clock.now - start).inSeconds
        node.operations += 2 * Double(now.products - work.products)
        node.bytes += Double(now.bytes - work.bytes)
    }

    var description: String {
        func cell(_ text: String) -> String {
            text.padding(toLength: 28, withPad: " ", startingAt: 0)
        }
        var lines = [cell("stage") + "     calls   seconds     share   GFLOP/s      GB/s"]
        let total = max(root.children.reduce(0) { $0 + $1.seconds }, 1e-9)
        func add(_ node: Node, depth: Int) {
            let name = String(repeating: "  ", count: depth) + node.name
            let seconds = max(node.seconds, 1e-9)
            lines.append(
                cell(name)
                    + String(
                        format: "%10d%10.4f%9.1f%%%10.1f%10.1f", node.calls, node.seconds,
                        100 * node.seconds / total, node.operations / seconds / 1e9,
                        node.bytes / seconds / 1e9))
            for child in node.children where child.calls > 0 && isTimed(child) {
                add(child, depth: depth + 1)
            }
        }
        for node in root.children { add(node, depth: 0) }
        return lines.joined(separator: "\n")
    }

    /// Whether the stage has a duration. Recorded results have none.
    private func isTimed(_ node: Node) -> Bool {
        node.name != "embedding" && !node.name.hasPrefix("residual_")
    }
}
