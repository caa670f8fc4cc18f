package io.github.oft4j;

import io.github.oft4j.internal.ffm.OftC;

/** A device is absent or failed. */
public final class OFTDeviceException extends OFTException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception with the status {@code DEVICE}.
   *
   * @param message names thing, value and remedy
   */
  public OFTDeviceException(String message) {
    super(OftC.OFT_STATUS_DEVICE(), message);
  }
}
