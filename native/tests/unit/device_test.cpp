#include "device_support.hpp"
#include "oft/build_info.hpp"
#include "oft/checkpoint_merge.hpp"
#include "oft/functional.hpp"
#include "oft/merge.hpp"
#include "src/cayley.hpp"
#include "src/devices.hpp"
#include "src/rotate_blocks.hpp"

// What runs by other kernels, or none of ours, on other devices: against libtorch's operators on
// the CPU in float64.
namespace oft {
namespace {

using namespace testing;

struct SayDevices : ::testing::Environment {
  void SetUp() override {
    std::cout << "devices tested:";
    for (const at::Device& device : test_devices()) std::cout << ' ' << device;
    std::cout << std::endl;
  }
};
const auto* const kSayDevices = ::testing::AddGlobalTestEnvironment(new SayDevices);

INSTANTIATE_TEST_SUITE_P(Devices, OnDevice, ::testing::ValuesIn(test_devices()), device_name);

std::vector<RotationSpec> formulas() {
  std::vector<RotationSpec> specs{{}};
  for (const Formula formula : {Formula::kCayleyNeumann, Formula::kCayleyNeumannLegacy})
    for (const std::int64_t terms : {1, 2, 3, 5, 8})
      specs.push_back({.formula = formula, .terms = terms});
  return specs;
}

at::Tensor float64(const at::Tensor& tensor) {
  return tensor.detach().to(at::kCPU, at::kDouble).clone().requires_grad_(true);
}

/// The largest difference, by the largest element where that is above 1.
double relative_difference(const at::Tensor& got, const at::Tensor& expected) {
  if (expected.numel() == 0) return 0;
  const double largest = expected.detach().abs().max().item<double>();
  return max_difference(got.detach().to(at::kCPU), expected.detach()) / std::max(1.0, largest);
}

TEST_P(OnDevice, CayleyAndItsGradientAreThoseOfFloat64) {
  for (const RotationSpec& spec : formulas())
    for (const at::ScalarType dtype : {at::kFloat, at::kDouble})
      for (const std::int64_t b : {1, 2, 7, 16, 17, 33, 48, 64, 65}) {
        SCOPED_TRACE(std::string(formula_name(spec.formula)) + " " + std::to_string(spec.terms) +
                     ", b " + std::to_string(b));
        const double sigma = 0.3 / std::sqrt(static_cast<double>(b));
        const at::Tensor q = leaf(at::randn({3, b * (b - 1) / 2}) * sigma, dtype);
        const at::Tensor exact_q = float64(q);
        const at::Tensor slope = at::randn({3, b, b});
        const at::Tensor r = functional::cayley(q, b, spec);
        const at::Tensor exact_r = cayley_aten(exact_q, b, spec);
        EXPECT_EQ(r.device().type(), GetParam().type());
        const double tolerance = dtype == at::kDouble ? 1e-13 : 5e-6;
        EXPECT_LT(relative_difference(r, exact_r), tolerance);
        r.backward(leaf(slope, dtype));
        (exact_r + 0 * exact_q.sum()).backward(slope.to(at::kDouble));  // one term needs no q
        EXPECT_LT(relative_difference(q.grad(), exact_q.grad()), tolerance);
      }
}

TEST_P(OnDevice, NearTheIdentityCayleyKeepsItsDigits) {
  const at::Tensor q = leaf(at::randn({4, 496}) * 1e-6, at::kFloat);
  const at::Tensor identity = at::eye(32, at::kDouble);
  const at::Tensor turn = functional::cayley(q, 32, {}).to(at::kCPU, at::kDouble) - identity;
  const at::Tensor exact = cayley_aten(float64(q), 32, {}) - identity;
  EXPECT_LT(max_difference(turn.detach().triu(1), exact.detach().triu(1)), 5e-12);
}

struct Accuracy {
  at::ScalarType dtype;
  double rounding;  ///< of a result, once
  double sum;       ///< of the sum of magnitudes
};

/// Whether |got - expected| <= rounding |expected| + sum * magnitude everywhere.
void expect_within(const at::Tensor& got, const at::Tensor& expected, const at::Tensor& magnitude,
                   double rounding, double sum) {
  const at::Tensor error = (got.detach().to(at::kCPU, at::kDouble) - expected.detach()).abs();
  const at::Tensor bound = expected.detach().abs() * rounding + magnitude * sum + 1e-7 * rounding;
  EXPECT_TRUE((error <= bound).all().item<bool>()) << (error - bound).max().item<double>();
}

TEST_P(OnDevice, RotateAndItsGradientsAreThoseOfFloat64RoundedOnce) {
  for (const Accuracy& accuracy :
       {Accuracy{at::kDouble, 0, 1e-14}, Accuracy{at::kFloat, 0, 2e-6},
        Accuracy{at::kHalf, 0x1p-11, 2e-6}, Accuracy{at::kBFloat16, 0x1p-8, 2e-6}})
    for (const std::int64_t b : {1, 2, 8, 15, 16, 17, 32, 33, 64, 65, 100, 128, 129})
      for (const std::int64_t rows : {1, 63, 130})
        for (const bool shared : {false, true}) {
          SCOPED_TRACE(std::string(c10::toString(accuracy.dtype)) + ", b " + std::to_string(b) +
                       ", rows " + std::to_string(rows));
          const auto compute = accuracy.dtype == at::kDouble ? at::kDouble : at::kFloat;
          const at::Tensor x = leaf(at::randn({rows, 3 * b}), accuracy.dtype);
          const at::Tensor r = leaf(at::randn({shared ? 1 : 3, b, b}), compute);
          const at::Tensor slope = here(at::randn({rows, 3 * b})).to(accuracy.dtype);
          const at::Tensor exact_x = float64(x);
          const at::Tensor exact_r = float64(r);
          const at::Tensor exact_slope = float64(slope).detach();
          const at::Tensor y = functional::rotate(x, {r});
          const at::Tensor exact_y = rotate_blocks_aten(exact_x, exact_r);
          y.backward(slope);
          exact_y.backward(exact_slope);

          const at::Tensor x_size = float64(exact_x.abs());
          const at::Tensor r_size = float64(exact_r.abs());
          const at::Tensor y_size = rotate_blocks_aten(x_size, r_size);
          y_size.backward(exact_slope.abs());
          EXPECT_EQ(y.scalar_type(), accuracy.dtype);
          EXPECT_EQ(r.grad().scalar_type(), compute);
          expect_within(y, exact_y, y_size.detach(), accuracy.rounding, accuracy.sum);
          expect_within(x.grad(), exact_x.grad(), x_size.grad(), accuracy.rounding, accuracy.sum);
          expect_within(r.grad(), exact_r.grad(), r_size.grad(), 0, accuracy.sum);
        }
}

TEST_P(OnDevice, StridedOperandsAndNoRowsAreTakenToo) {
  const at::Tensor base = here(at::randn({6, 5, 4}, at::kDouble));
  const at::Tensor r = here(at::randn({3, 2, 2}, at::kDouble));
  const at::Tensor x = base.transpose(0, 2);
  const at::Tensor m = r.transpose(1, 2);
  EXPECT_LT(max_difference(rotate_blocks(x, m), rotate_blocks_aten(x, m)), 1e-13);
  EXPECT_LT(max_difference(rotate_blocks_backward(x, x.flip(0), m),
                           rotate_blocks_backward(x.contiguous(), x.flip(0).contiguous(), m)),
            1e-13);
  const at::Tensor none = leaf(at::empty({0, 6}), at::kFloat);
  const at::Tensor trained = leaf(at::randn({3, 2, 2}), at::kFloat);
  functional::rotate(none, {trained}).sum().backward();
  EXPECT_TRUE(trained.grad().equal(at::zeros_like(trained)));
}

TEST_P(OnDevice, TheGradientOfRHasTheSameBitsEachTime) {
  const at::Tensor x = here(at::randn({3000, 96})).to(at::kBFloat16);
  const at::Tensor slope = here(at::randn({3000, 96})).to(at::kBFloat16);
  for (const std::int64_t blocks : {1, 3}) {
    const at::Tensor m = here(at::zeros({blocks, 32, 32}));
    EXPECT_TRUE(rotate_blocks_backward(x, slope, m).equal(rotate_blocks_backward(x, slope, m)));
  }
}

TEST_P(OnDevice, MergesAreThoseOfTheCpu) {
  const std::vector<Rotation> one{random_rotation(48, 16, 0.3)};
  const std::vector<Rotation> two{random_rotation(48, 8, 0.3), random_rotation(48, 48, 0.2)};
  for (const auto& rotations : {one, two})
    for (const at::ScalarType dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16})
      for (const LayerKind kind : {LayerKind::kLinear, LayerKind::kEmbedding, LayerKind::kConv1D}) {
        const at::Tensor weight = at::randn({48, 48}, at::kDouble).to(dtype);
        const double tolerance = dtype == at::kDouble  ? 1e-13
                                 : dtype == at::kFloat ? 4e-6
                                 : dtype == at::kHalf  ? 0x1p-9
                                                       : 0x1p-6;
        const at::Tensor merged = merge_weight(here(weight), kind, rotations, /*safe=*/true);
        EXPECT_EQ(merged.device().type(), GetParam().type());
        EXPECT_LT(max_difference(merged.to(at::kCPU), merge_weight(weight, kind, rotations)),
                  tolerance);
        const at::Tensor in_place = here(weight).clone();
        merge_weight_(in_place, kind, rotations);
        EXPECT_TRUE(in_place.equal(merged));
        unmerge_weight_(in_place, kind, rotations);
        EXPECT_LT(max_difference(in_place.to(at::kCPU), weight), 4 * tolerance);
      }
}

TEST_P(OnDevice, ACheckpointIsMergedAsPeftMergesIt) {
  const TemporaryFolder folder;
  const json document = read_json(data_dir() / "adapters.json");
  for (const json& item : document["adapters"]) {
    const std::string name = item["name"];
    SCOPED_TRACE(name);
    const MergeReport report = CheckpointMerge(data_dir() / item["base"])
                                   .adapter(data_dir() / item["adapter"])
                                   .options({.verify = true, .device = GetParam()})
                                   .write_to(folder / name);
    EXPECT_TRUE(report.verified);
    const SafetensorsFile ours = SafetensorsFile::open(folder / name / "model.safetensors");
    const SafetensorsFile theirs = SafetensorsFile::open(data_dir() / item["expected"]);
    for (const SafetensorsEntry& entry : theirs.entries()) {
      const at::Tensor expected = read_tensor(theirs, entry.name);
      const double ulp = expected.scalar_type() == at::kFloat  ? 0
                         : expected.scalar_type() == at::kHalf ? 0x1p-10
                                                               : 0x1p-7;
      EXPECT_TRUE(at::allclose(read_tensor(ours, entry.name).to(at::kDouble),
                               expected.to(at::kDouble), ulp, 2e-6))
          << entry.name;
    }
  }
}

TEST(Devices, AbsentOnesSayWhatIsMissing) {
  expect_error(Status::kInvalidArgument, {"'gpu'", "cuda:0"}, [] { present_device("gpu"); });
  expect_error(Status::kDevice, {"'cuda:99'", "absent", "libtorch"},
               [] { present_device("cuda:99"); });
  EXPECT_EQ(present_device("cpu"), at::Device(at::kCPU));
}

TEST(Devices, TheBuildTellsOfThem) {
  const json info = json::parse(build_info());
  EXPECT_EQ(info["cuda_devices"], device_count(at::kCUDA));
  EXPECT_TRUE(info["cuda"].is_null() ||
              info["cuda"].get<std::string>().find('.') != std::string::npos);
}

}  // namespace
}  // namespace oft
