// CIntrinsics has only a header, but a target of a Swift package needs a source file.
#include "CIntrinsics.h"
