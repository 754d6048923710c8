#include "CIntrinsics.h"  // header only; the build wants one file to compile
