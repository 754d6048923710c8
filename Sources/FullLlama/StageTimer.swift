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
    private var open: [(node: Node, start: ContinuousClock.Instant, products: Int, bytes: Int)] = []

    func begin(_ path: StagePath, at positions: Range<Int>) {
        guard path.isTimed else { return }
        // "layers.12" is "layers", "attention.wq" is "wq"
        let name = path.name.split(separator: ".").last { Int($0) == nil } ?? ""
        let node = (open.last?.node ?? root).child(String(name))
        let work = MatmulWork.sinceStart
        open.append((node, clock.now, work.products, work.bytes))
    }

    func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
        guard path.isTimed else { return }
        let (node, start, products, bytes) = open.removeLast()
        let now = MatmulWork.sinceStart
        node.calls += 1
        node.seconds += (clock.now - start).inSeconds
        node.operations += 2 * Double(now.products - products)
        node.bytes += Double(now.bytes - bytes)
    }

    /// Leaves the time and the work of `body`, another observer's, out of the open stages.
    func excluding(_ body: () -> Void) {
        let (start, work) = (clock.now, MatmulWork.sinceStart)
        body()
        let (time, now) = (clock.now - start, MatmulWork.sinceStart)
        for i in open.indices {
            open[i].start += time
            open[i].products += now.products - work.products
            open[i].bytes += now.bytes - work.bytes
        }
    }

    /// One stage of the tree: its depth, and its sums.
    struct Row {
        let depth: Int, name: String, calls: Int
        let seconds: Double, operations: Double, bytes: Double
    }

    /// The stages, each before those inside it.
    var rows: [Row] {
        var rows: [Row] = []
        func add(_ node: Node, depth: Int) {
            rows.append(
                Row(
                    depth: depth, name: node.name, calls: node.calls, seconds: node.seconds,
                    operations: node.operations, bytes: node.bytes))
            for child in node.children where child.calls > 0 { add(child, depth: depth + 1) }
        }
        for node in root.children { add(node, depth: 0) }
        return rows
    }

    var description: String {
        func cell(_ text: String) -> String {
            text.padding(toLength: 28, withPad: " ", startingAt: 0)
        }
        var lines = [cell("stage") + "     calls   seconds     share   GFLOP/s      GB/s"]
        let total = max(root.children.reduce(0) { $0 + $1.seconds }, 1e-9)
        for row in rows {
            let name = String(repeating: "  ", count: row.depth) + row.name
            let seconds = max(row.seconds, 1e-9)
            lines.append(
                cell(name)
                    + String(
                        format: "%10d%10.4f%9.1f%%%10.1f%10.1f", row.calls, row.seconds,
                        100 * row.seconds / total, row.operations / seconds / 1e9,
                        row.bytes / seconds / 1e9))
        }
        return lines.joined(separator: "\n")
    }
}
