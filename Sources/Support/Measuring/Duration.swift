// Duration: a time in seconds, for whoever computes a rate.

extension Duration {
    /// This time in seconds.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
