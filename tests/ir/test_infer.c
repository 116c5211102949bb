/* SPDX-License-Identifier: Apache-2.0 */
/* Types and shapes of every operator: cases in the text form, each with the type of %y or the id of
 * the error. Expected shapes are worked out by hand from the operators' definitions. */
#include <stdio.h>
#include <string.h>

#include "tests/ir/ir_text.h"

typedef struct infer_case {
    const char *lines;  /* define %y */
    const char *expect; /* "f32[1x2]", or "E0204" */
} infer_case;

/* Constants that many cases share. */
static const char shared[] = "const %i0: i64[] = 0\n"
                             "const %i1: i64[1] = [1]\n"
                             "const %m1: i64[1] = [-1]\n"
                             "const %ax12: i64[2] = [1, 2]\n"
                             "input %f23: f32[2x3]\n"
                             "input %f32: f32[3x2]\n"
                             "input %f31: f32[3x1]\n"
                             "input %f3: f32[3]\n"
                             "input %f234: f32[2x3x4]\n"
                             "input %img: f32[1x4x7x9]\n"
                             "input %u8: u8[1x7x9x4]\n"
                             "input %l23: i64[2x3]\n"
                             "input %b23: bool[2x3]\n"
                             "input %d23: f64[2x3]\n"
                             "input %run: i64[2]\n";

static const infer_case elementwise[] = {
    {"%y = Abs(%l23)", "i64[2x3]"},
    {"%y = Abs(%b23)", "E0203"},
    {"%y = Neg(%f23)", "f32[2x3]"},
    {"%y = Erf(%f23)", "f32[2x3]"},
    {"%y = Relu(%f23)", "f32[2x3]"},
    {"%y = Ceil(%f23)", "f32[2x3]"},
    {"%y = Ceil(%l23)", "E0203"},
    {"%y = Cos(%f23)", "f32[2x3]"},
    {"%y = Elu(%f23) {alpha=2}", "f32[2x3]"},
    {"%y = Exp(%d23)", "f64[2x3]"},
    {"%y = Floor(%f23)", "f32[2x3]"},
    {"%y = Gelu(%f23) {approximate=\"tanh\"}", "f32[2x3]"},
    {"%y = Gelu(%f23) {approximate=\"other\"}", "E0202"},
    {"%y = HardSigmoid(%f23)", "f32[2x3]"},
    {"%y = HardSwish(%f23)", "f32[2x3]"},
    {"%y = LeakyRelu(%f23)", "f32[2x3]"},
    {"%y = Log(%f23)", "f32[2x3]"},
    {"%y = Reciprocal(%f23)", "f32[2x3]"},
    {"%y = Round(%f23)", "f32[2x3]"},
    {"%y = Sigmoid(%f23)", "f32[2x3]"},
    {"%y = Sigmoid(%f23) {}", "E0230"},
    {"%y = Sin(%f23)", "f32[2x3]"},
    {"%y = Softplus(%f23)", "f32[2x3]"},
    {"%y = Sqrt(%f23)", "f32[2x3]"},
    {"%y = Tanh(%f23)", "f32[2x3]"},
    {"%y = Identity(%b23)", "bool[2x3]"},
    {"%y = Identity()", "E0201"},
    {"%y = Identity(_)", "E0201"},
    {"%y = Identity(%f23, %f23)", "E0201"},
    {"%y, %z = Identity(%f23)", "E0201"},
    {"_ = Identity(%f23) %y = Identity(%f23)", "E0201"},
    {"%y = Add(%f23, %f3)", "f32[2x3]"},
    {"%y = Add(%f23, %f32)", "E0204"},
    {"%y = Add(%f23, %l23)", "E0203"},
    {"%y = Add(%b23, %b23)", "E0203"},
    {"%y = Sub(%f31, %f3)", "f32[3x3]"},
    {"%y = Mul(%f234, %f31)", "f32[2x3x4]"},
    {"%y = Mul(%l23, %i0)", "i64[2x3]"},
    {"%y = Div(%l23, %i1)", "i64[2x3]"},
    {"%y = Max(%f23, %f3, %f23)", "f32[2x3]"},
    {"%y = Max(%f23, _)", "E0201"},
    {"%y = Min(%f23)", "f32[2x3]"},
    {"%y = Sum(%f23, %f3)", "f32[2x3]"},
    {"%y = Sum()", "E0201"},
    {"%y = Mod(%l23, %l23)", "i64[2x3]"},
    {"%y = Mod(%f23, %f23) {fmod=1}", "f32[2x3]"},
    {"%y = Mod(%f23, %f23)", "E0202"},
    {"%y = Pow(%f23, %i0)", "f32[2x3]"},
    {"%y = Pow(%f23, %b23)", "E0203"},
    {"%y = PRelu(%f234, %s) input %s: f32[3x1]", "f32[2x3x4]"},
    {"%y = PRelu(%f3, %f23)", "E0204"},
    {"%y = Equal(%b23, %b23)", "bool[2x3]"},
    {"%y = Greater(%f23, %f3)", "bool[2x3]"},
    {"%y = Greater(%b23, %b23)", "E0203"},
    {"%y = GreaterOrEqual(%f23, %f3)", "bool[2x3]"},
    {"%y = Less(%l23, %i0)", "bool[2x3]"},
    {"%y = LessOrEqual(%f23, %f3)", "bool[2x3]"},
    {"%y = And(%b23, %b23)", "bool[2x3]"},
    {"%y = Or(%b23, %l23)", "E0203"},
    {"%y = Or(%b23, %b23)", "bool[2x3]"},
    {"%y = Not(%b23)", "bool[2x3]"},
    {"%y = Not(%f23)", "E0203"},
    {"%y = Where(%b23, %f23, %f3)", "f32[2x3]"},
    {"%y = Where(%f23, %f23, %f3)", "E0203"},
    {"%y = Clip(%f23, _, %k) const %k: f32[] = 6", "f32[2x3]"},
    {"%y = Clip(%f23, %f3)", "E0204"},
    {"%y = Clip(%f23, %i0)", "E0203"},
    {"%y = Cast(%f23) {to=7}", "i64[2x3]"},
    {"%y = Cast(%f23) {to=16}", "bf16[2x3]"},
    {"%y = Cast(%f23) {to=8}", "E0208"},
    {"%y = Cast(%f23)", "E0202"},
};

static const infer_case products[] = {
    {"%y = Conv(%img, %w) input %w: f32[6x4x3x3]", "f32[1x6x5x7]"},
    {"%y = Conv(%img, %w) {pads=[1, 1, 1, 1], strides=[2, 2]} input %w: f32[6x4x3x3]",
     "f32[1x6x4x5]"},
    {"%y = Conv(%img, %w) {auto_pad=\"SAME_UPPER\", strides=[2, 2]} input %w: f32[6x4x3x3]",
     "f32[1x6x4x5]"},
    {"%y = Conv(%img, %w) {auto_pad=\"VALID\", dilations=[2, 3]} input %w: f32[6x4x3x3]",
     "f32[1x6x3x3]"},
    {"%y = Conv(%img, %w) {group=2, kernel_shape=[1, 1]} input %w: f32[6x2x1x1]", "f32[1x6x7x9]"},
    {"%y = Conv(%img, %w, %b) {group=4} input %w: f32[4x1x3x1] input %b: f32[4]", "f32[1x4x5x9]"},
    {"%y = Conv(%img, %w, %f3) input %w: f32[4x4x3x1]", "E0204"},
    {"%y = Conv(%img, %w) {group=3} input %w: f32[6x1x1x1]", "E0204"},
    {"%y = Conv(%img, %w) {group=2} input %w: f32[5x2x1x1]", "E0204"},
    {"%y = Conv(%img, %w) input %w: f32[6x4x8x1]", "E0204"},
    {"%y = Conv(%img, %w) {kernel_shape=[1, 2]} input %w: f32[6x4x1x1]", "E0202"},
    {"%y = Conv(%img, %w) {strides=[0, 1]} input %w: f32[6x4x1x1]", "E0202"},
    {"%y = Conv(%img, %w) {strides=[1]} input %w: f32[6x4x1x1]", "E0202"},
    {"%y = Conv(%img, %w) {pads=[0, 0, 0, -1]} input %w: f32[6x4x1x1]", "E0202"},
    {"%y = Conv(%img, %w) {auto_pad=\"SAME\"} input %w: f32[6x4x1x1]", "E0202"},
    {"%y = Conv(%img, %w) {pads=[0, 0, 2147483647, 2147483647]} input %w: f32[6x4x1x1]", "E0207"},
    {"%y = Conv(%img, %f234)", "E0204"},
    {"%y = Conv(%x, %w) input %x: f32[2x3x10] input %w: f32[5x3x4]", "f32[2x5x7]"},
    {"%y = Conv(%x, %w) input %x: f32[1x1x4x5x6] input %w: f32[2x1x2x2x2]", "f32[1x2x3x4x5]"},
    {"%y = Gemm(%f23, %f32)", "f32[2x2]"},
    {"%y = Gemm(%f23, %f23) {transB=1}", "f32[2x2]"},
    {"%y = Gemm(%f23, %f23, %f3) {transA=1}", "f32[3x3]"},
    {"%y = Gemm(%f23, %f23)", "E0204"},
    {"%y = Gemm(%f23, %f32, %f3)", "E0204"},
    {"%y = Gemm(%f234, %f32)", "E0204"},
    {"%y = MatMul(%f23, %f32)", "f32[2x2]"},
    {"%y = MatMul(%f23, %f3)", "f32[2]"},
    {"%y = MatMul(%f3, %f32)", "f32[2]"},
    {"%y = MatMul(%f3, %f3)", "f32[]"},
    {"%y = MatMul(%a, %b) input %a: f32[5x1x2x3] input %b: f32[4x3x7]", "f32[5x4x2x7]"},
    {"%y = MatMul(%a, %b) input %a: f32[5x2x3] input %b: f32[4x3x7]", "E0204"},
    {"%y = MatMul(%f23, %f23)", "E0204"},
    {"%y = MatMul(%f23, %s) input %s: f32[]", "E0204"},
};

static const infer_case reductions[] = {
    {"%y = AveragePool(%img) {kernel_shape=[2, 2], strides=[2, 2]}", "f32[1x4x3x4]"},
    {"%y = AveragePool(%img) {kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1}", "f32[1x4x4x5]"},
    /* The last window would start in the padding behind: dropped. */
    {"%y = AveragePool(%x) {kernel_shape=[3], strides=[2], pads=[0, 1], ceil_mode=1} input %x: f32[1x1x2]",
     "f32[1x1x1]"},
    {"%y = AveragePool(%x) {kernel_shape=[1], strides=[3], pads=[1, 1], ceil_mode=1} input %x: f32[1x1x5]",
     "f32[1x1x2]"},
    {"%y = AveragePool(%img)", "E0202"},
    {"%y = AveragePool(%f23) {kernel_shape=[1]}", "E0204"},
    {"%y = MaxPool(%img) {kernel_shape=[3, 3], dilations=[2, 2]}", "f32[1x4x3x5]"},
    {"%x, %y = MaxPool(%img) {kernel_shape=[3, 3], auto_pad=\"SAME_LOWER\", strides=[2, 3]}",
     "i64[1x4x4x3]"},
    {"%y = MaxPool(%img) {kernel_shape=[9, 9]}", "E0204"},
    {"%y = GlobalAveragePool(%img)", "f32[1x4x1x1]"},
    {"%y = GlobalMaxPool(%f234)", "f32[2x3x1]"},
    {"%y = GlobalMaxPool(%f23)", "E0204"},
    {"%y = ReduceMean(%f234, %ax12)", "f32[2x1x1]"},
    {"%y = ReduceSum(%f234, %m1) {keepdims=0}", "f32[2x3]"},
    {"%y = ReduceMax(%f234) {keepdims=0}", "f32[]"},
    {"%y = ReduceMin(%f234) {noop_with_empty_axes=1}", "f32[2x3x4]"},
    {"%y = ReduceProd(%f234, %e) const %e: i64[0] = []", "f32[1x1x1]"},
    {"%y = ReduceMean(%f23, %ax12)", "E0205"},
    {"%y = ReduceMean(%f23, %e) const %e: i64[2] = [1, -1]", "E0205"},
    {"%y = ReduceMean(%f23, %run)", "E0206"},
    {"%y = ReduceMax(%b23)", "bool[1x1]"},
    {"%y = ReduceSum(%b23)", "E0203"},
    {"%y = Softmax(%f23) {axis=-2}", "f32[2x3]"},
    {"%y = Softmax(%f23) {axis=2}", "E0205"},
    {"%y = CumSum(%f23, %i0)", "f32[2x3]"},
    {"%y = CumSum(%f23, %k) const %k: i64[] = 5", "E0205"},
    {"%y = CumSum(%f23, %ax12)", "E0204"},
    {"%y = IsNaN(%f23)", "bool[2x3]"},
    {"%y = IsNaN(%b23)", "E0203"},
    {"%y = Trilu(%f234)", "f32[2x3x4]"},
    {"%y = Trilu(%b23, %i0) {upper=0}", "bool[2x3]"},
    {"%y = Trilu(%f23) {upper=2}", "E0202"},
    {"%y = Trilu(%f23, %ax12)", "E0204"},
    {"%y = Trilu(%f23, %f23)", "E0203"},
    {"%y = Trilu(%f3)", "E0204"},
    {"%y = BatchNormalization(%f234, %f3, %f3, %f3, %f3)", "f32[2x3x4]"},
    {"%y = BatchNormalization(%img, %f3, %f3, %f3, %f3)", "E0204"},
    {"%y = BatchNormalization(%f234, %f3, %f3, %f3, %f3) {training_mode=1}", "E0208"},
    {"%y = LayerNormalization(%f23, %f3)", "f32[2x3]"},
    {"%x, %y = LayerNormalization(%f234, %s, %s) {axis=1} input %s: f32[3x4]", "f32[2x1x1]"},
    {"%x, _, %y = LayerNormalization(%f234, %s) {axis=-1} input %s: f32[4]", "f32[2x3x1]"},
    {"%y = LayerNormalization(%f234, %f3)", "E0204"},
};

static const infer_case moves[] = {
    {"%y = Reshape(%f234, %k) const %k: i64[2] = [6, -1]", "f32[6x4]"},
    {"%y = Reshape(%f234, %k) const %k: i64[3] = [0, -1, 2]", "f32[2x6x2]"},
    {"%y = Reshape(%f3, %k) const %k: i64[0] = []", "E0204"},
    {"%y = Reshape(%s, %k) input %s: f32[1x1] const %k: i64[0] = []", "f32[]"},
    {"%y = Reshape(%f23, %k) const %k: i64[2] = [4, -1]", "E0204"},
    {"%y = Reshape(%f23, %k) const %k: i64[2] = [-1, -1]", "E0204"},
    {"%y = Reshape(%f23, %k) const %k: i64[2] = [-2, 3]", "E0204"},
    {"%y = Reshape(%f3, %k) const %k: i64[2] = [3, 0]", "E0204"},
    {"%y = Reshape(%f23, %k) {allowzero=1} const %k: i64[2] = [0, 6]", "E0204"},
    {"%y = Reshape(%f23, %k) const %k: i64[2] = [4611686018427387904, 4]", "E0204"},
    {"%y = Reshape(%f23, %run)", "E0206"},
    {"%y = Reshape(%f23, %f3)", "E0203"},
    {"%y = Reshape(%f23, %k) const %k: i64[9] = 1", "E0204"},
    {"%y = Flatten(%f234)", "f32[2x12]"},
    {"%y = Flatten(%f234) {axis=0}", "f32[1x24]"},
    {"%y = Flatten(%f234) {axis=-1}", "f32[6x4]"},
    {"%y = Flatten(%f234) {axis=3}", "f32[24x1]"},
    {"%y = Flatten(%f234) {axis=4}", "E0205"},
    {"%y = Squeeze(%f31)", "f32[3]"},
    {"%y = Squeeze(%f31, %m1)", "f32[3]"},
    {"%y = Squeeze(%f23, %i1)", "E0204"},
    {"%y = Unsqueeze(%f23, %k) const %k: i64[2] = [0, -1]", "f32[1x2x3x1]"},
    {"%y = Unsqueeze(%f23, %k) const %k: i64[2] = [0, 0]", "E0205"},
    {"%y = Unsqueeze(%f23, %k) const %k: i64[7] = [0, 1, 2, 3, 4, 5, 6]", "E0207"},
    {"%y = Transpose(%f234)", "f32[4x3x2]"},
    {"%y = Transpose(%f234) {perm=[1, 2, 0]}", "f32[3x4x2]"},
    {"%y = Transpose(%f234) {perm=[1, 1, 0]}", "E0202"},
    {"%y = Transpose(%f234) {perm=[0, 1]}", "E0202"},
    {"%y = Transpose(%f23) {perm=[0, 2]}", "E0202"},
    {"%y = Concat(%f23, %f23) {axis=-1}", "f32[2x6]"},
    {"%y = Concat(%f23, %f32) {axis=0}", "E0204"},
    {"%y = Concat(%f23, %f3) {axis=0}", "E0204"},
    {"%y = Concat(%f23)", "E0202"},
    {"%y, %z = Split(%f234) {axis=2}", "f32[2x3x2]"},
    {"%x, %y = Split(%f234) {axis=1, num_outputs=2}", "f32[2x1x4]"},
    {"%x, %y = Split(%f234) {axis=1}", "E0204"},
    {"%x, %y = Split(%f234) {num_outputs=3}", "E0202"},
    {"%x, %y = Split(%f234, %k) {axis=2} const %k: i64[2] = [1, 3]", "f32[2x3x3]"},
    {"_, %y = Split(%f234, %k) {axis=2} const %k: i64[2] = [1, 2]", "E0204"},
    {"%x, %y = Split(%f234, %k) {axis=2} const %k: i64[2] = [5, -1]", "E0204"},
    {"%y, %z = Split(%f234, %k) {axis=2} const %k: i64[2] = [4, 4]", "E0204"},
    {"%y, %z = Split(%f234, %k) {axis=2} const %k: i64[2] = [4, 0]", "E0211"},
    {"%x, %y = Split(%f234, %i1)", "E0204"},
    {"%y = Expand(%f31, %k) const %k: i64[3] = [2, 1, 5]", "f32[2x3x5]"},
    {"%y = Expand(%f31, %k) const %k: i64[2] = [2, 5]", "E0204"},
    {"%y = Expand(%f3, %k) const %k: i64[2] = [9223372036854775807, 3]", "E0207"},
    {"%y = Tile(%f23, %k) const %k: i64[2] = [2, 3]", "f32[4x9]"},
    {"%y = Tile(%f23, %i1)", "E0204"},
    {"%y = Tile(%f23, %k) const %k: i64[2] = [-1, 1]", "E0204"},
    {"%y = Tile(%f23, %k) const %k: i64[2] = [9223372036854775807, 1]", "E0204"},
};

static const infer_case data[] = {
    {"%y = Slice(%img, %s, %e, %a) const %s: i64[2] = [1, 2] const %e: i64[2] = [-1, 99] const %a: i64[2] = [2, -1]",
     "f32[1x4x5x7]"},
    {"%y = Slice(%img, %s, %e, %a, %t) const %s: i64[1] = [-1] const %e: i64[1] = [-99] const %a: i64[1] = [3] "
     "const %t: i64[1] = [-2]",
     "f32[1x4x7x5]"},
    {"%y = Slice(%f3, %s, %e, %s, %t) const %s: i64[1] = [0] const %e: i64[1] = [9223372036854775807] "
     "const %t: i64[1] = [2]",
     "f32[2]"},
    {"%y = Slice(%f3, %s, %e, %z, %t) const %z: i64[1] = [0] const %s: i64[1] = [2] "
     "const %e: i64[1] = [-9223372036854775808] const %t: i64[1] = [-9223372036854775808]",
     "f32[1]"},
    {"%y = Slice(%f3, %i1, %i1)", "E0211"},
    {"%y = Slice(%f3, %i1, %m1, %m1, %z) const %z: i64[1] = [0]", "E0204"},
    {"%y = Slice(%f3, %i1, %ax12)", "E0204"},
    {"%y = Slice(%f23, %s, %e, %s) const %s: i64[2] = [0, 0] const %e: i64[2] = [1, 1]", "E0205"},
    {"%y = Slice(%f3, %i1, %run)", "E0206"},
    {"%y = Gather(%f234, %i0) {axis=1}", "f32[2x4]"},
    {"%y = Gather(%f234, %l23) {axis=-1}", "f32[2x3x2x3]"},
    {"%y = Gather(%f234, %f3)", "E0203"},
    {"%y = Gather(%f234, %i0) {axis=3}", "E0205"},
    {"%y = Gather(%k, %z) const %k: f32[2] = [1, 2] const %z: i64[] = 2", "E0212"},
    {"%y = Pad(%f23, %k) const %k: i64[4] = [1, 0, 2, -1]", "f32[5x2]"},
    {"%y = Pad(%f23, %k, _, %i1) const %k: i64[2] = [1, 2]", "f32[2x6]"},
    {"%y = Pad(%f23, %k) {mode=\"reflect\"} const %k: i64[4] = [0, 2, 0, 0]", "f32[2x5]"},
    {"%y = Pad(%f23, %k) {mode=\"reflect\"} const %k: i64[4] = [0, 3, 0, 0]", "E0204"},
    {"%y = Pad(%f23, %k) const %k: i64[4] = [0, -2, 0, -2]", "E0204"},
    {"%y = Pad(%f23, %ax12)", "E0204"},
    {"%y = Resize(%img, _, %k) const %k: f32[4] = [1, 1, 2, 0.5]", "f32[1x4x14x4]"},
    {"%y = Resize(%img, _, _, %k) {mode=\"linear\"} const %k: i64[4] = [1, 4, 3, 20]",
     "f32[1x4x3x20]"},
    {"%y = Resize(%img, _, _, %k) {axes=[2, 3]} const %k: i64[2] = [14, 18]", "f32[1x4x14x18]"},
    {"%y = Resize(%img, _, _, %k) {axes=[2, 3], keep_aspect_ratio_policy=\"not_larger\"} const %k: i64[2] = [14, 9]",
     "f32[1x4x7x9]"},
    {"%y = Resize(%img)", "E0201"},
    {"%y = Resize(%img, _, %k) const %k: f32[4] = [1, 1, 0, 1]", "E0204"},
    {"%y = Resize(%img, _, %k) const %k: f32[4] = [1, 1, nan, 1]", "E0204"},
    {"%y = Resize(%img, _, %k) const %k: f32[4] = [1e9, 1e9, 1e9, 1]", "E0207"},
    {"%y = Resize(%img, _, %k) {mode=\"area\"} const %k: f32[4] = 1", "E0202"},
    {"%y = Range(%a, %b, %c) const %a: i64[] = 1 const %b: i64[] = 10 const %c: i64[] = 4",
     "i64[3]"},
    {"%y = Range(%a, %b, %c) const %a: f32[] = 2 const %b: f32[] = 0 const %c: f32[] = -0.5",
     "f32[4]"},
    {"%y = Range(%a, %b, %c) const %a: i64[] = 1 const %b: i64[] = 10 const %c: i64[] = 0",
     "E0207"},
    {"%y = Range(%a, %b, %c) const %a: i64[] = 0 const %b: i64[] = 9223372036854775807 const %c: i64[] = 1",
     "E0207"},
    {"%y = Range(%a, %i0, %i0) input %a: i64[]", "E0206"},
    {"%y = ConstantOfShape(%ax12)", "f32[1x2]"},
    {"%y = ConstantOfShape(%ax12) {value=i64[1] = [7]}", "i64[1x2]"},
    {"%y = ConstantOfShape(%ax12) {value=i64[2] = [7, 8]}", "E0202"},
    {"%y = ConstantOfShape(%m1)", "E0204"},
    {"%y = Shape(%f234)", "i64[3]"},
    {"%y = Shape(%f234) {start=-2, end=-1}", "i64[1]"},
    {"%y = Shape(%f234) {start=2, end=1}", "i64[0]"},
    {"%y = Size(%f234)", "i64[]"},
};

static const infer_case weft_rows[] = {
    {"%y = weft.Conv2D(%x, %w) input %x: f32[2x7x9x4] input %w: f32[6x3x3x4]", "f32[2x5x7x6]"},
    {"%z, %y = weft.Conv2D(%x, %w) {pads=[1, 0, 1, 0]} input %x: f32[2x7x9x4] input %w: f32[6x3x3x4]",
     "f32[2x6]"},
    {"%y = weft.Conv2D(%img, %w) {x_nchw=1} input %w: f32[6x3x3x4]", "f32[1x5x7x6]"},
    {"%y = weft.Conv2D(%img, %w) {x_nchw=1, pool=1} input %w: f32[6x1x1x4]", "f32[1x4x5x6]"},
    {"%y = weft.Conv2D(%x, %w, _, %r, %g) {group=2} input %x: f32[2x7x9x4] input %w: f32[6x1x1x2] "
     "input %r: f32[2x7x9x6] input %g: f32[2x6]",
     "f32[2x7x9x6]"},
    {"%y = weft.Conv2D(%x, %w, _, _, %g) input %x: f32[2x7x9x4] input %w: f32[6x1x1x4] input %g: f32[2x6]",
     "E0201"},
    {"%y = weft.Conv2D(%x, %w, _, %x) input %x: f32[2x7x9x4] input %w: f32[6x1x1x4]", "E0204"},
    {"%y = weft.Conv2D(%img, %w) input %w: f32[6x3x3x4]", "E0204"},
    {"%y = weft.Conv2D(%x, %w) {act=\"clip\", act_min=0} input %x: f32[2x7x9x4] input %w: f32[6x1x1x4]",
     "E0202"},
    {"%y = weft.Conv2D(%x, %w) {act=\"gelu_tanh\"} input %x: f32[2x7x9x4] input %w: f32[6x1x1x4]",
     "f32[2x7x9x6]"},
    {"%y = weft.Conv2D(%x, %w) {act=\"tanh\"} input %x: f32[2x7x9x4] input %w: f32[6x1x1x4]",
     "E0202"},
    {"%y = weft.Linear(%f234, %w, %b) {act=\"silu\"} input %w: f32[5x4] input %b: f32[5]",
     "f32[2x3x5]"},
    {"%y = weft.Linear(%f234, %f23)", "E0204"},
    {"%y = weft.Linear(%l23, %f23)", "E0203"},
    {"%y = weft.Linear(%f234, %w) {norm_epsilon=1e-06, act=\"gelu\"} input %w: f32[5x4]",
     "f32[2x3x5]"},
    {"%y = weft.Linear(%f234, %w) {norm_epsilon=0} input %w: f32[5x4]", "f32[2x3x5]"},
    {"%y = weft.Linear(%f234, %w) {norm_epsilon=-1} input %w: f32[5x4]", "E0202"},
    {"%y = weft.Linear(%f234, %w) {norm_epsilon=inf} input %w: f32[5x4]", "E0202"},
    {"%y = weft.Gate(%f23, %w, _, %t, %t) input %w: f32[5x3] input %t: f32[2x4x4x5]",
     "f32[2x4x4x5]"},
    {"_, %y = weft.Gate(%f23, %w, %b, %t) input %w: f32[5x3] input %b: f32[5] input %t: f32[2x4x4x5]",
     "f32[2x5]"},
    {"%y = weft.Gate(%f23, %w, _, %t) input %w: f32[4x3] input %t: f32[2x4x4x5]", "E0204"},
    {"%y = weft.Gate(%f23, %w, _, _) input %w: f32[4x3]", "E0201"},
    {"%y = weft.Gate(%f23, %w, _, %t) {gate_act=\"clip\"} input %w: f32[5x3] input %t: f32[2x4x4x5]",
     "E0202"},
    {"%y = weft.Pool2D(%x) {kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]} input %x: f32[1x7x8x4]",
     "f32[1x3x4x4]"},
    {"%y = weft.Pool2D(%x) {kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1} input %x: f32[1x7x8x4]",
     "f32[1x4x4x4]"},
    {"%y = weft.Pool2D(%x) input %x: f32[1x7x8x4]", "E0202"},
    {"%y = weft.Pool2D(%x) {kernel_shape=[1, 1], mode=\"min\"} input %x: f32[1x7x8x4]", "E0202"},
};

#define QKV "input %qkv: f32[2x5x24] "
static const infer_case tokens[] = {
    {"%y = weft.Attention(%qkv, %qkv, %qkv) {heads=2, head_size=4, k_offset=8, v_offset=16, scale=0.5} " QKV,
     "f32[2x5x8]"},
    {"%y = weft.Attention(%qkv, %qkv, %qkv, %r) {heads=2, head_size=4, k_offset=8, v_offset=16, scale=0.5} " QKV
     "input %r: f32[2x5x8]",
     "f32[2x5x8]"},
    {"%y = weft.Attention(%qkv, %qkv, %qkv, %r) {heads=2, head_size=4, scale=0.5} " QKV
     "input %r: f32[2x5x24]",
     "E0204"},
    /* Interleaved, and keys and values of other tokens with fewer heads. */
    {"%y = weft.Attention(%qkv, %qkv, %qkv) {heads=2, head_size=4, k_offset=4, v_offset=8, q_step=12, k_step=12, "
     "v_step=12, scale=0.5} " QKV,
     "f32[2x5x8]"},
    {"%y = weft.Attention(%qkv, %k, %v) {heads=6, kv_heads=2, head_size=4, v_head_size=3, scale=1} " QKV
     "input %k: f32[2x7x8] input %v: f32[2x7x6]",
     "f32[2x5x18]"},
    {"%y = weft.Attention(%qkv, %k, %v, _, %m) {heads=6, kv_heads=2, head_size=4, scale=1} " QKV
     "input %k: f32[2x7x8] input %v: f32[2x7x8] input %m: f32[1x6x7x5]",
     "f32[2x5x24]"},
    {"%y = weft.Attention(%qkv, %k, %v, _, %m) {heads=6, kv_heads=2, head_size=4, scale=1} " QKV
     "input %k: f32[2x7x8] input %v: f32[2x7x8] input %m: f32[2x1x7x5]",
     "f32[2x5x24]"},
    {"%y = weft.Attention(%qkv, %k, %v, _, %m) {heads=6, kv_heads=2, head_size=4, scale=1} " QKV
     "input %k: f32[2x7x8] input %v: f32[2x7x8] input %m: f32[1x1x5x7]",
     "E0204"},
    {"%y = weft.Attention(%qkv, %k, %v, _, %m) {heads=6, kv_heads=2, head_size=4, scale=1} " QKV
     "input %k: f32[2x7x8] input %v: f32[2x7x8] input %m: f32[1x2x7x5]",
     "E0204"},
    {"%y = weft.Attention(%qkv, %k, %v) {heads=6, kv_heads=4, head_size=4, scale=1} " QKV
     "input %k: f32[2x7x16] input %v: f32[2x7x16]",
     "E0221"},
    {"%y = weft.Attention(%qkv, %qkv, %qkv) {heads=5, head_size=5, scale=1} " QKV, "E0221"},
    {"%y = weft.Attention(%qkv, %qkv, %qkv) {heads=2, head_size=4, v_offset=17, scale=1} " QKV,
     "E0221"},
    {"%y = weft.Attention(%qkv, %qkv, %qkv) {heads=2, head_size=4, k_step=21, scale=1} " QKV,
     "E0221"},
    {"%y = weft.Attention(%qkv, %qkv, %qkv) {head_size=4, scale=1} " QKV, "E0202"},
    {"%y = weft.Attention(%qkv, %qkv, %qkv) {heads=2, scale=1} " QKV, "E0202"},
    {"%y = weft.Attention(%qkv, %qkv, %qkv) {heads=2, head_size=4} " QKV, "E0202"},
    {"%y = weft.Attention(%qkv, %qkv, %qkv) {heads=2, head_size=4, scale=nan} " QKV, "E0202"},
    {"%y = weft.Attention(%qkv, %qkv, %qkv) {heads=2, head_size=4, scale=1, q_offset=-1} " QKV,
     "E0202"},
    {"%y = weft.Attention(%qkv, %k, %k) {heads=2, head_size=4, scale=1} " QKV
     "input %k: f32[1x5x24]",
     "E0204"},
    {"%y = weft.Attention(%qkv, %qkv, %v) {heads=2, head_size=4, scale=1} " QKV
     "input %v: f32[2x6x24]",
     "E0204"},
    {"%y = weft.Attention(%f23, %f23, %f23) {heads=1, head_size=1, scale=1}", "E0204"},
    {"%y = weft.Attention(%l, %l, %l) {heads=1, head_size=1, scale=1} input %l: i64[2x3x4]",
     "E0203"},
    {"%y = weft.TokenConv(%x, %w, %b, %r) {grid=[2, 3], prefix=1, x_offset=8} input %x: f32[2x7x12] "
     "input %w: f32[3x3x4] input %b: f32[4] input %r: f32[2x7x4]",
     "f32[2x7x4]"},
    {"%y = weft.TokenConv(%x, %w) {grid=[2, 3], pads=[0, 1, 1, 3]} input %x: f32[2x6x4] input %w: f32[2x5x4]",
     "f32[2x6x4]"},
    {"%y = weft.TokenConv(%x, %w) {grid=[2, 3], pads=[0, 0, 0, 0]} input %x: f32[2x6x4] input %w: f32[3x3x4]",
     "E0204"},
    {"%y = weft.TokenConv(%x, %w) {grid=[2, 3], pads=[-1, 1, 3, 1]} input %x: f32[2x6x4] input %w: f32[3x3x4]",
     "E0202"},
    {"%y = weft.TokenConv(%x, %w) {grid=[2, 3]} input %x: f32[2x7x4] input %w: f32[3x3x4]",
     "E0204"},
    {"%y = weft.TokenConv(%x, %w) {grid=[2, 3], x_offset=1} input %x: f32[2x6x4] input %w: f32[3x3x4]",
     "E0204"},
    {"%y = weft.TokenConv(%x, %w) input %x: f32[2x6x4] input %w: f32[3x3x4]", "E0202"},
    {"%y = weft.TokenConv(%x, %w) {grid=[6]} input %x: f32[2x6x4] input %w: f32[3x3x4]", "E0202"},
    {"%y = weft.TokenConv(%x, %w, %b) {grid=[2, 3]} input %x: f32[2x6x4] input %w: f32[3x3x4] input %b: f32[5]",
     "E0204"},
    {"%y = weft.TokenConv(%x, %w, _, %x) {grid=[2, 3]} input %x: f32[2x6x4] input %w: f32[3x3x2]",
     "E0204"},
};

#define QW                                                                                         \
    "input %w: i8[5x3x3x4] const %b: i32[5] = 0 const %m: i32[5] = 1 const %s: i32[5] = 2 "        \
    "const %t: u8[256] = 0 "
#define QN                                                                                         \
    "input %v: u8[1x7x1x6] input %p: i8[5x1x1x6] const %g: i32[6] = 4194304 const %e: i32[6] = 3 " QW
#define QT                                                                                         \
    "input %t: u8[2x7x9] input %f: i8[5x3x3x1] input %b: i32[5] input %m: i32[5] input %s: i32[5]"
#define QA "input %k: u8[2x5x36] const %e: i32[256] = 16777216 "
static const infer_case quantised[] = {
    {"%y = QuantizeLinear(%f23, %s) const %s: f32[] = 0.5", "u8[2x3]"},
    {"%y = QuantizeLinear(%f23, %s) {output_dtype=3} const %s: f32[] = 0.5", "i8[2x3]"},
    {"%y = QuantizeLinear(%f23, %s, %z) const %s: f32[3] = 0.5 const %z: i8[3] = 0", "i8[2x3]"},
    {"%y = QuantizeLinear(%f23, %s) {axis=0} const %s: f32[3] = 0.5", "E0216"},
    {"%y = QuantizeLinear(%f23, %s) {axis=2} const %s: f32[3] = 0.5", "E0217"},
    {"%y = QuantizeLinear(%f23, %s) {block_size=2} const %s: f32[3] = 0.5", "E0219"},
    {"%y = QuantizeLinear(%f23, %s, %z) const %s: f32[] = 0.5 const %z: i16[] = 0", "E0219"},
    {"%y = QuantizeLinear(%f23, %s, %z) const %s: f32[] = 0.5 const %z: i8[3] = 0", "E0216"},
    {"%y = QuantizeLinear(%l23, %s) const %s: f32[] = 0.5", "E0203"},
    {"%y = DequantizeLinear(%q, %s) input %q: i8[2x3] const %s: f32[] = 0.5", "f32[2x3]"},
    {"%y = DequantizeLinear(%q, %s) {axis=0} input %q: i32[2x3] const %s: f32[2] = 0.5",
     "f32[2x3]"},
    {"%y = DequantizeLinear(%l23, %s) const %s: f32[] = 0.5", "E0219"},
    {"%y = DequantizeLinear(%q, %s, %z) input %q: i8[2x3] const %s: f32[] = 1 const %z: u8[] = 1",
     "E0215"},
    /* scales that cannot divide */
    {"%y = QuantizeLinear(%f23, %s) const %s: f32[] = 0", "E0214"},
    {"%y = QuantizeLinear(%f23, %s) const %s: f32[] = -0.5", "E0214"},
    {"%y = QuantizeLinear(%f23, %s) const %s: f32[] = 1e-40", "E0214"},
    {"%y = QuantizeLinear(%f23, %s) const %s: f32[] = inf", "E0214"},
    {"%y = QuantizeLinear(%f23, %s) const %s: f32[] = nan", "E0214"},
    {"%y = QuantizeLinear(%f23, %s) const %s: f32[3] = [1, 0.5, 0]", "E0214"},
    {"%y = QuantizeLinear(%f23, %s) const %s: f32[] = 1.17549435e-38", "u8[2x3]"},
    {"%y = DequantizeLinear(%q, %s) input %q: i8[2x3] const %s: f32[] = -inf", "E0214"},
    {"%y = DequantizeLinear(%u23, %s) input %u23: u8[2x3] const %s: f32[3] = [1, nan, 1]", "E0214"},
    /* scales and zero points that do not fit */
    {"%y = QuantizeLinear(%f23, %s) {axis=-3} const %s: f32[3] = 0.5", "E0217"},
    {"%y = QuantizeLinear(%f23, %s) {axis=-1} const %s: f32[3] = 0.5", "u8[2x3]"},
    {"%y = QuantizeLinear(%f23, %s) {axis=9} const %s: f32[1] = 0.5", "u8[2x3]"},
    {"%y = QuantizeLinear(%f23, %s, %z) const %s: f32[1] = 0.5 const %z: i8[] = 3", "i8[2x3]"},
    {"%y = QuantizeLinear(%f23, %s, %z) const %s: f32[3] = 0.5 const %z: i8[2] = 0", "E0216"},
    {"%y = QuantizeLinear(%f23, %s) const %s: f32[1x3] = 0.5", "E0204"},
    {"%y = QuantizeLinear(%f23, %s) const %s: i32[] = 1", "E0203"},
    {"%y = QuantizeLinear(%f23, %s, %z) {output_dtype=3} const %s: f32[] = 1 const %z: u8[] = 1",
     "E0215"},
    {"%y = QuantizeLinear(%f23, %s) {output_dtype=5} const %s: f32[] = 1", "E0219"},
    {"%y = QuantizeLinear(%f23, %s) {output_dtype=17} const %s: f32[] = 1", "E0219"},
    {"%y = QuantizeLinear(%f23, %s) {precision=10} const %s: f32[] = 1", "E0219"},
    {"%y = QuantizeLinear(%f23, %s) {precision=1, saturate=0} const %s: f32[] = 1", "u8[2x3]"},
    {"%y = DequantizeLinear(%q, %s) {output_dtype=10} input %q: i8[2x3] const %s: f32[] = 1",
     "E0219"},
    {"%y = DequantizeLinear(%q, %s, %z) input %q: i32[2x3] const %s: f32[] = 1 const %z: i32[] = 4",
     "E0215"},
    {"%y = DequantizeLinear(%q, %s) input %q: i8[2x3] input %s: f32[]", "E0218"},
    {"%y = DequantizeLinear(%q, %s, %z) input %q: i8[2x3] const %s: f32[] = 1 input %z: i8[]",
     "E0218"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %s) {strides=[2, 2], pads=[1, 1, 1, 1]} " QW,
     "i8[1x4x5x5]"},
    {"%x, %y = weft.QConv2D(%u8, %w, %b, %m, %s) {to=\"u8\", c_type=\"u8\"} " QW, "u8[1x5]"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %s, %t) {to=\"u8\"} " QW, "u8[1x5x7x5]"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %s, _, %r) {to=\"u8\"} input %r: i8[1x5x7x5] " QW,
     "u8[1x5x7x5]"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %s, _, %r) input %r: i8[1x5x7x4] " QW, "E0204"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %s) {to=\"u8\"} " QW, "E0202"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %s) {x_zero=256} " QW, "E0202"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %s) {x_zero=-1} " QW, "E0202"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %s) {c_min=2, c_max=1} " QW, "E0202"},
    {"%y = weft.QConv2D(%u8, %w, %b, %b, %s) {acc_bits=33} " QW, "E0202"},
    {"%y = weft.QConv2D(%img, %w, %b, %m, %s) " QW, "E0203"},
    /* ratios and means outside of the integer rules */
    {"%y = weft.QConv2D(%u8, %w, %b, %k, %s) const %k: i32[5] = [0, 4194304, 1, 2, 3] " QW,
     "i8[1x5x7x5]"},
    {"%y = weft.QConv2D(%u8, %w, %b, %k, %s) const %k: i32[5] = [0, 1, 4194305, 2, 3] " QW,
     "E0202"},
    {"%y = weft.QConv2D(%u8, %w, %b, %k, %s) const %k: i32[5] = [0, 1, 2, 3, -1] " QW, "E0202"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %k) const %k: i32[5] = [1, 2, 3, 4, 62] " QW,
     "i8[1x5x7x5]"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %k) const %k: i32[5] = [1, 2, 3, 4, 63] " QW, "E0202"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %k) const %k: i32[5] = [0, 2, 3, 4, 5] " QW, "E0202"},
    {"%y = weft.QConv2D(%u8, %w, %b, %k, %k) input %k: i32[5] " QW, "i8[1x5x7x5]"},
    {"%x, %y = weft.QConv2D(%v, %p, %b, %m, %s) input %v: u8[1x4096x2048x1] input %p: i8[5x1x1x1] " QW,
     "i8[1x5]"},
    {"%x, %y = weft.QConv2D(%v, %p, %b, %m, %s) input %v: u8[1x4097x2048x1] input %p: i8[5x1x1x1] " QW,
     "E0207"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s) input %v: u8[1x4097x2048x1] input %p: i8[5x1x1x1] " QW,
     "i8[1x4097x2048x5]"},
    {"%y = weft.QConv2D(%u8, %w, %w, %m, %s) " QW, "E0203"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g, %e) {norm_epsilon=4611686018427387904} " QN,
     "E0202"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g, %e) {norm_type=\"u8\", x_zero=255, "
     "norm_epsilon=2305843009213693952, norm_beta_shift=30, norm_shift=62, norm_min=3} " QN,
     "i8[1x7x1x5]"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g, %e) {x_zero=-128} " QN, "i8[1x7x1x5]"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g, %e) {x_zero=255} " QN, "E0202"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g, %e) {norm_beta_shift=31} " QN, "E0202"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g, %e) {norm_shift=63} " QN, "E0202"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g, %e) {norm_min=2, norm_max=1} " QN, "E0202"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g, %k) const %k: i32[6] = 1073741825 " QN,
     "E0202"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %k, %e) const %k: i32[6] = -4194305 " QN,
     "E0202"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %k, %e) const %k: i32[5] = 1 " QN, "E0204"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %k, %e) const %k: i8[6] = 1 " QN, "E0203"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g) " QN, "E0201"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, _, %e) " QN, "E0201"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g, %e) {strides=[2, 1]} " QN, "E0202"},
    {"%y = weft.QConv2D(%v, %p, %b, %m, %s, _, _, %g, %e) {pads=[0, 0, 0, 1]} " QN, "E0202"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %s, _, _, %k, %k) const %k: i32[4] = 1 " QN, "E0202"},
    {"%y = weft.QConv2D(%l, %o, %b, %m, %s, _, _, %k, %k) input %l: u8[1x7x1x4097] "
     "input %o: i8[5x1x1x4097] const %k: i32[4097] = 1 " QN,
     "E0207"},
    {"%y = weft.QConv2D(%u8, %w, %b, %m, %s) {group=2} " QW, "E0204"},
    {"%y = weft.QTokenConv(%t, %f, %b, %m, %s) {grid=[2, 3], prefix=1, x_offset=4} " QT,
     "i8[2x7x5]"},
    {"%y = weft.QTokenConv(%t, %f, %b, %m, %s, _, %r) {grid=[2, 3], prefix=1, to=\"u8\"} "
     "input %r: i8[2x7x5] " QT,
     "u8[2x7x5]"},
    {"%y = weft.QTokenConv(%t, %f, %b, %m, %s, _, %r) {grid=[2, 3], prefix=1} input %r: i8[2x7x9] " QT,
     "E0204"},
    {"%y = weft.QTokenConv(%t, %f, %b, %m, %s) {grid=[2, 3]} " QT, "E0204"},
    {"%y = weft.QTokenConv(%t, %f, %b, %m, %s) {prefix=1} " QT, "E0202"},
    {"%y = weft.QTokenConv(%t, %f, %b, %m, %s) {grid=[2, 3], prefix=1, x_offset=5} " QT, "E0204"},
    {"%y = weft.QTokenConv(%t, %f, %b, %m, %s) {grid=[2, 3], prefix=1, pads=[0, 0, 1, 1]} " QT,
     "E0204"},
    {"%y = weft.QTokenConv(%t, %f, %b, %m, %s) {grid=[2, 3], prefix=1, x_zero=256} " QT, "E0202"},
    {"%y = weft.QTokenConv(%t, %f, %b, %m, %s) {grid=[2, 3], prefix=1, to=\"u8\"} " QT, "E0202"},
    {"%y = weft.QAdd(%u8, %r) {a_mult=5, b_mult=7} input %r: i8[4]", "i8[1x7x9x4]"},
    {"%y = weft.QAdd(%u8, %r) input %r: i8[3]", "E0204"},
    {"%y = weft.QAdd(%u8, %f3)", "E0203"},
    {"%y = weft.QAdd(%u8, %u8) {a_mult=2097153}", "E0202"},
    {"%y = weft.QAdd(%u8, %u8) {shift=31}", "E0202"},
    {"%y = weft.QMul(%u8, %g) {to=\"u8\", c_type=\"u8\"} input %g: u8[1x1x1x4]", "u8[1x7x9x4]"},
    {"%y = weft.QMul(%g, %u8) input %g: u8[1x1x1x4]", "E0204"},
    {"%y = weft.QMul(%u8, %g, %u8) input %g: u8[1x1x1x4]", "i8[1x7x9x4]"},
    {"%y = weft.QMul(%u8, %u8) {shift=63}", "E0202"},
    {"%y = weft.QMul(%u8, %u8) {mult=4194305}", "E0202"},
    {"%y = weft.QPool2D(%u8) {kernel_shape=[2, 2], strides=[2, 2], to=\"u8\"}", "u8[1x3x4x4]"},
    {"%y = weft.QPool2D(%u8) {kernel_shape=[2, 2]}", "E0202"},
    {"%y = weft.QPool2D(%u8) {to=\"u8\"}", "E0202"},
    {"%y = weft.QPool2D(%u8) {mode=\"average\", kernel_shape=[2, 2], counts=[4], mults=[1], "
     "shifts=[2]}",
     "i8[1x6x8x4]"},
    {"%y = weft.QPool2D(%u8) {mode=\"average\", kernel_shape=[2, 2], counts=[4], mults=[1]}",
     "E0202"},
    {"%y = weft.QPool2D(%u8) {mode=\"average\", kernel_shape=[2, 2], counts=[5], mults=[1], "
     "shifts=[2]}",
     "E0202"},
    {"%y = weft.QTable(%u8, %t) const %t: i8[256] = 0", "i8[1x7x9x4]"},
    {"%y = weft.QTable(%u8, %t) const %t: i8[255] = 0", "E0204"},
    {"%y = weft.QTable(%f3, %t) const %t: i8[256] = 0", "E0203"},
    /* rows and heads */
    {"%y = weft.QMatMul(%u8, %k) {mult=1} input %k: i8[4x6]", "i8[1x7x9x6]"},
    {"%y = weft.QMatMul(%u8, %k) {to=\"u8\", b_transposed=1} input %k: i8[7x6x4]", "u8[1x7x9x6]"},
    {"%y = weft.QMatMul(%u8, %k) {b_transposed=1} input %k: i8[4x6]", "E0204"},
    {"%y = weft.QMatMul(%u8, %k) input %k: i8[6x4x6]", "E0204"},
    {"%y = weft.QMatMul(%u8, %k) input %k: i8[4]", "E0204"},
    {"%y = weft.QMatMul(%u8, %k) {b_zero=128} input %k: i8[4x6]", "E0202"},
    {"%y = weft.QMatMul(%u8, %k) {shift=0} input %k: i8[4x6]", "E0202"},
    {"%y = weft.QMatMul(%k, %k) {b_transposed=1} input %k: i8[2x33025]", "i8[2x2]"},
    {"%y = weft.QMatMul(%k, %k) {b_transposed=1} input %k: i8[2x33026]", "E0207"},
    {"%y = weft.QSoftmax(%u8, %e) {to=\"u8\", shift=24} const %e: i32[256] = 16777216",
     "u8[1x7x9x4]"},
    {"%y = weft.QSoftmax(%u8, %e) input %e: i32[256]", "i8[1x7x9x4]"},
    {"%y = weft.QSoftmax(%u8, %e) const %e: i32[256] = 16777215", "E0202"},
    {"%y = weft.QSoftmax(%u8, %e) const %e: i32[256] = 16777217", "E0202"},
    {"%y = weft.QSoftmax(%u8, %e) const %e: i32[256] = -1", "E0202"},
    {"%y = weft.QSoftmax(%u8, %e) input %e: i32[255]", "E0204"},
    {"%y = weft.QSoftmax(%u8, %e) {shift=25} input %e: i32[256]", "E0202"},
    {"%y = weft.QSoftmax(%k, %e) input %k: u8[2x16384] input %e: i32[256]", "i8[2x16384]"},
    {"%y = weft.QSoftmax(%k, %e) input %k: u8[2x16385] input %e: i32[256]", "E0207"},
    {"%y = weft.QLayerNorm(%u8, %g, %g) {to=\"u8\"} input %g: i32[4]", "u8[1x7x9x4]"},
    {"%y = weft.QLayerNorm(%u8, %g, %g) {epsilon=2305843009213693952} input %g: i32[4]",
     "i8[1x7x9x4]"},
    {"%y = weft.QLayerNorm(%u8, %g, %g) {epsilon=2305843009213693953} input %g: i32[4]", "E0202"},
    {"%y = weft.QLayerNorm(%u8, %g, %g) {beta_shift=31} input %g: i32[4]", "E0202"},
    {"%y = weft.QLayerNorm(%u8, %g, %g) input %g: i32[5]", "E0204"},
    {"%y = weft.QLayerNorm(%u8, %g, %g) const %g: i32[4] = 4194305", "E0202"},
    {"%y = weft.QLayerNorm(%u8, %g, %b) const %g: i32[4] = 5 const %b: i32[4] = 1073741825",
     "E0202"},
    {"%y = weft.QLayerNorm(%k, %g, %g) input %k: u8[1x4097] input %g: i32[4097]", "E0207"},
    {"%y = weft.QAttention(%k, %k, %k, %e) {heads=3, head_size=4, k_offset=12, v_offset=24} " QA,
     "i8[2x5x12]"},
    {"%y = weft.QAttention(%k, %k, %k, %e) {heads=3, head_size=4, k_offset=12, v_offset=25} " QA,
     "E0221"},
    {"%y = weft.QAttention(%k, %k, %k, %e) {heads=3, head_size=4, q_step=12, k_step=12, "
     "k_offset=4, v_step=12, v_offset=8, to=\"u8\"} " QA,
     "u8[2x5x12]"},
    {"%y = weft.QAttention(%k, %o, %o, %e) {heads=4, kv_heads=2, head_size=4, v_head_size=3} "
     "input %o: u8[2x9x8] " QA,
     "i8[2x5x12]"},
    {"%y = weft.QAttention(%k, %o, %o, %e) {heads=4, kv_heads=3, head_size=2} "
     "input %o: u8[2x9x8] " QA,
     "E0221"},
    {"%y = weft.QAttention(%k, %o, %o, %e) {heads=1, head_size=4} input %o: u8[1x9x8] " QA,
     "E0204"},
    {"%y = weft.QAttention(%k, %k, %k, %e) {heads=1, head_size=4, q_zero=-1} " QA, "E0202"},
    {"%y = weft.QAttention(%k, %k, %k, %e, %t) {heads=1, head_size=4, q_zero=-1} "
     "const %t: i8[256] = 1 " QA,
     "i8[2x5x4]"},
    {"%y = weft.QAttention(%k, %k, %k, %e, _, _, %t) {heads=1, head_size=4} "
     "const %t: i8[255] = 1 " QA,
     "E0204"},
    {"%y = weft.QAttention(%k, %k, %k, %e) {heads=1, head_size=4, p_shift=25} " QA, "E0202"},
    {"%y = weft.QAttention(%k, %k, %k, %e) {heads=1} " QA, "E0202"},
    {"%y = weft.QAttention(%k, %k, %k, %e) {head_size=4} " QA, "E0202"},
};

static const struct {
    const infer_case *cases;
    size_t count;
} tables[] = {
#define TABLE(name)                                                                                \
    {                                                                                              \
        name, sizeof name / sizeof name[0]                                                         \
    }
    TABLE(elementwise), TABLE(products),  TABLE(reductions), TABLE(moves),
    TABLE(data),        TABLE(weft_rows), TABLE(tokens),     TABLE(quantised),
};

/* Whether the case comes out as expected; prints what differs. */
static bool case_holds(const infer_case *c)
{
    ir_test test;
    ir_test_init(&test);
    weft_status status;
    const char *lines = weft_arena_printf(test.arena, "%s%s", shared, c->lines);
    weft_graph *graph = ir_read_lines(&test, lines, &status);
    const char *found = graph ? ir_type(&test, ir_value(graph, "y"))
                              : weft_arena_printf(test.arena, "E%04u", ir_first_error(&test));
    assert_int_equal(graph != NULL, status == WEFT_OK);
    bool holds = strcmp(found, c->expect) == 0 &&
                 (!graph || weft_graph_verify(graph, "reading", test.diag) == WEFT_OK);
    if (!holds)
        print_error("%s\nexpected %s, found %s\n%s", c->lines, c->expect, found, ir_errors(&test));
    ir_test_finish(&test);
    return holds;
}

static void every_case_infers(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        for (size_t i = 0; i < tables[t].count; i++)
            wrong += !case_holds(&tables[t].cases[i]);
    assert_int_equal(wrong, 0);
}

static void every_operator_has_a_case(void **state)
{
    (void)state;
    for (int op = WEFT_OP_NONE + 1; op < WEFT_OP_COUNT; op++) {
        char call[64];
        size_t good = 0;
        snprintf(call, sizeof call, "= %s(", weft_op_name((weft_op)op));
        for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
            for (size_t i = 0; i < tables[t].count; i++)
                good += tables[t].cases[i].expect[0] != 'E' &&
                        strstr(tables[t].cases[i].lines, call) != NULL;
        if (good == 0)
            fail_msg("no case that infers %s", weft_op_name((weft_op)op));
    }
}

static void shape_arithmetic_is_evaluated(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    /* The flatten that exporters write for x.view(x.size(0), -1), and a resize by a computed size.
     */
    weft_graph *graph = ir_graph(&test, "input %x: f32[2x3x4x5]\n"
                                        "const %zero: i64[] = 0\n"
                                        "const %front: i64[1] = [0]\n"
                                        "const %rest: i64[1] = [-1]\n"
                                        "const %two: i64[1] = [2]\n"
                                        "%shape = Shape(%x)\n"
                                        "%n = Gather(%shape, %zero)\n"
                                        "%n1 = Unsqueeze(%n, %front)\n"
                                        "%to = Concat(%n1, %rest) {axis=0}\n"
                                        "%flat = Reshape(%x, %to)\n"
                                        "%tail = Shape(%x) {start=2}\n"
                                        "%twice = Mul(%tail, %two)\n"
                                        "%head = Shape(%x) {end=2}\n"
                                        "%sizes = Concat(%head, %twice) {axis=0}\n"
                                        "%big = Resize(%x, _, _, %sizes)\n"
                                        "output %flat\noutput %big\n");
    assert_string_equal(ir_type(&test, ir_value(graph, "flat")), "f32[2x60]");
    assert_string_equal(ir_type(&test, ir_value(graph, "big")), "f32[2x3x8x10]");
    assert_int_equal(graph->node_count, 2);
    ir_test_finish(&test);
}

static void errors_name_everything(void **state)
{
    (void)state;
    ir_test test;
    weft_status status;
    ir_test_init(&test);
    ir_read_lines(&test,
                  "input %x: f32[2x3]\ninput %bad: i64[3]\n%y = Add(%x, %bad) @ \"layer1/add\"",
                  &status);
    assert_int_equal(status, WEFT_INVALID);
    const weft_diag_entry *entry = weft_diag_get(test.diag, 0);
    assert_int_equal(entry->id, 203);
    assert_non_null(strstr(entry->summary, "Add"));
    assert_string_equal(entry->fields[WEFT_DIAG_NODES], "layer1/add");
    assert_string_equal(entry->fields[WEFT_DIAG_TENSOR], "bad");
    assert_string_equal(entry->fields[WEFT_DIAG_EXPECTED], "f32");
    assert_string_equal(entry->fields[WEFT_DIAG_FOUND], "i64");
    assert_non_null(entry->fields[WEFT_DIAG_TRY]);
    ir_test_finish(&test);
}

static void all_nodes_are_reported_once(void **state)
{
    (void)state;
    ir_test test;
    weft_status status;
    ir_test_init(&test);
    ir_read_lines(&test,
                  "input %x: f32[2x3]\ninput %z: i64[2x3]\n"
                  "%a = Add(%x, %z)\n" /* wrong */
                  "%b = Relu(%a)\n"    /* follows from it: not reported */
                  "%c = Flatten(%x) {axis=5}\n",
                  &status);
    assert_int_equal(status, WEFT_INVALID);
    assert_int_equal(weft_diag_error_count(test.diag), 2);
    assert_int_equal(weft_diag_get(test.diag, 0)->id, 203);
    assert_int_equal(weft_diag_get(test.diag, 1)->id, 205);
    ir_test_finish(&test);
}

static void hostile_sizes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        uint32_t id;
    } cases[] = {
        {"input %x: f32[1099511627776]", 207},
        {"input %x: f32[4294967296x4294967296x4294967296]", 207},
        {"input %x: f32[2x0]", 211},
        {"const %s: i64[2] = [65536, 65536] const %x: f32[] = 1 %y = Expand(%x, %s) %z = Expand(%y, %t) "
         "const %t: i64[3] = [65536, 1, 1]",
         207},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ir_test test;
        weft_status status;
        ir_test_init(&test);
        ir_read_lines(&test, cases[i].lines, &status);
        if (!ir_has_error(&test, cases[i].id))
            fail_msg("%s: expected E%04u\n%s", cases[i].lines, cases[i].id, ir_errors(&test));
        assert_true(weft_arena_used_bytes(test.arena) < 1 << 20);
        ir_test_finish(&test);
    }
}

/* 1100 nodes that each want 60 KiB: together over the limit for evaluated constants. */
static void evaluated_constants_are_bounded(void **state)
{
    (void)state;
    ir_test test;
    weft_status status;
    weft_text lines;
    ir_test_init(&test);
    weft_text_init(&lines, test.arena);
    weft_text_add(&lines, "const %s: i64[1] = [15360]\nconst %one: f32[1] = [1]\n");
    for (int i = 0; i < 1100; i++)
        weft_text_printf(&lines, "%%e%d = Expand(%%one, %%s)\n", i);
    ir_read_lines(&test, lines.data, &status);
    assert_int_equal(status, WEFT_UNSUPPORTED);
    assert_int_equal(ir_first_error(&test), 207);
    ir_test_finish(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_infers),
        cmocka_unit_test(every_operator_has_a_case),
        cmocka_unit_test(shape_arithmetic_is_evaluated),
        cmocka_unit_test(errors_name_everything),
        cmocka_unit_test(all_nodes_are_reported_once),
        cmocka_unit_test(hostile_sizes_are_refused),
        cmocka_unit_test(evaluated_constants_are_bounded),
    };
    return cmocka_run_group_tests_name("ir infer", tests, NULL, NULL);
}
