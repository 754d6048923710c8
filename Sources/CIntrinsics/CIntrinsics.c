// CIntrinsics has only headers, but a target of a Swift package needs a source file.
#include "CIntrinsics.h"
#include "QuantizedBlocks.h"
