// CIntrinsics is headers alone; a package needs a source file to build them as a target.
#include "CIntrinsics.h"
#include "QuantizedBlocks.h"
