package io.github.oft4j.internal;

import io.github.oft4j.OFTArgumentException;
import io.github.oft4j.OFTCancelledException;
import io.github.oft4j.OFTDeviceException;
import io.github.oft4j.OFTException;
import io.github.oft4j.OFTIOException;
import io.github.oft4j.OFTInternalException;
import io.github.oft4j.OFTMemoryException;
import io.github.oft4j.OFTNotFoundException;
import io.github.oft4j.OFTParseException;
import io.github.oft4j.OFTStateException;
import io.github.oft4j.OFTUnsupportedException;
import io.github.oft4j.internal.ffm.OftC;

/** From an {@code oft_status} to the exception of that category. */
final class Status {
  private Status() {}

  static OFTException exception(int status, String message) {
    if (status == OftC.OFT_STATUS_INVALID_ARGUMENT()) {
      return new OFTArgumentException(message);
    }
    if (status == OftC.OFT_STATUS_INVALID_STATE()) {
      return new OFTStateException(message);
    }
    if (status == OftC.OFT_STATUS_NOT_FOUND()) {
      return new OFTNotFoundException(message);
    }
    if (status == OftC.OFT_STATUS_IO()) {
      return new OFTIOException(message);
    }
    if (status == OftC.OFT_STATUS_PARSE()) {
      return new OFTParseException(message);
    }
    if (status == OftC.OFT_STATUS_UNSUPPORTED()) {
      return new OFTUnsupportedException(message);
    }
    if (status == OftC.OFT_STATUS_OUT_OF_MEMORY()) {
      return new OFTMemoryException(message);
    }
    if (status == OftC.OFT_STATUS_DEVICE()) {
      return new OFTDeviceException(message);
    }
    if (status == OftC.OFT_STATUS_INTERNAL()) {
      return new OFTInternalException(message);
    }
    if (status == OftC.OFT_STATUS_CANCELLED()) {
      return new OFTCancelledException(message);
    }
    return new OFTException(status, message);
  }
}
